"""Migration of a container from one host to another, with its image, settings and volumes."""
