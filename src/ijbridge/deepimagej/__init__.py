"""What macros written for DeepImageJ ask for, and how ijbridge does it: `keys` reads a line, `lines` arranges its run."""
