"""What is done with a dataset: links, cut-outs, packages, previews, headers, and who may have them."""
