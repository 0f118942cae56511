"""Addresses that Flatnet's plug-in has handed out in WSL2: their list, and removing those without a container."""
