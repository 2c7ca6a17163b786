"""What bioimageio.core gives for little models, and the models: made by scripts/compare_bioimageio_core.py.

``bioimageio_core.json`` has the versions and, per case, the tensors of the description and the images it was given;
``bioimageio_core.npz`` the images and results. Neither is edited by hand.
"""
