"""What other packages give, for the tests to hold against; nothing here is edited by hand.

Little models in bioimageio.core, made by scripts/compare_bioimageio_core.py: ``bioimageio_core.json`` has the versions and, per
case, the tensors of the description and the images it was given; ``bioimageio_core.npz`` the images and results.

Little networks of csbdeep, stardist and Keras, made by scripts/compare_csbdeep.py: ``csbdeep/`` has their files as these
packages wrote them, and what they gave; ``objects.npz`` of StarDist's is what scripts/compare_stardist.py made of them.
"""
