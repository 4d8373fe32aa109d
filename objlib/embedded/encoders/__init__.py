"""Models of the user: a folder with an ONNX graph and its tokenizer, as sentence-transformers exports them."""
