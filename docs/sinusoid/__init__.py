"""The sinusoid experiment: few-shot regression with generated gradients."""
