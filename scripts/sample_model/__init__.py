"""The parts of `train_sample_model.py`: simulated images, the network, its quality, the model package."""
