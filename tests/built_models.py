"""Preloaded last where processes are forked: builds once what each of them would build for itself."""

from billing.model import build_models

build_models()
