"""Training data: samples, clip sampling, augmentation, datasets, the synthetic world."""
