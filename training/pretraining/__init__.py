"""Masked-language-model pre-training of an encoder, from nothing or from another one."""
