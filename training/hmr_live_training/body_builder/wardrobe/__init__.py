"""Brings MakeHuman's clothes, shoes, hats and hair into the open body's T-pose.

``python -m hmr_live_training.body_builder.wardrobe --wheel WHEEL --assets FOLDER --body FILE``
makes the file that :mod:`hmr_live_training.synthetic.wardrobe` reads.
"""
