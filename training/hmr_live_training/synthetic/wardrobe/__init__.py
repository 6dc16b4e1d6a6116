"""MakeHuman's clothes, shoes, hats and hair in the open body's T-pose: built once, kept in a file.

``python -m hmr_live_training.synthetic.wardrobe --wheel WHEEL --assets FOLDER --body FILE`` makes
:data:`.piece_file.PIECES_FILE` again.
"""
