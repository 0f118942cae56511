"""The product without its workshop: the wheel and the source distribution, installed where nothing else is.

    checkout ─ build ─▶ sdist ─ build ─▶ wheel ─ install ─▶ fresh environment ─ commands ─▶ lab (a process of development)
       └────── build ─▶ wheel ─ the same files ─┘

The environment has the locked versions of what pyproject.toml declares, and nothing of the checkout or of development.

The image is built and run by the real podman (`image`, `container`):

    docs/deploy/Containerfile ─ podman ─▶ image ─ flatnet-bot.container, systemd ─▶ the bot, read-only, without rights ─▶ lab
"""
