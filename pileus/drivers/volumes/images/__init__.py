"""Machine images: how each is built, from the host's own package mirror, and the folder that keeps what was built.

`debian-12/` is laid over the root of the image of that name; a file there that ends in `.in` loses the ending (it is a
program of the guest's, not of ours).
"""
