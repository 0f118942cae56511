"""The control socket between the command line and a running bot."""
