"""Previews: what they show, how they are drawn, and the worker that makes them."""
