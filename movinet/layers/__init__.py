"""The Keras layers of a MoViNet, one idea a file; `movinet.model` puts them together.

Every argument of a layer is a plain value, so Keras records them for `get_config` by itself.
"""
