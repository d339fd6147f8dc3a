"""What a model has to beat: a linear-chain CRF over word shapes, and a list of training names."""
