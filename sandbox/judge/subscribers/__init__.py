"""The part of the judge about subscribers: services, provisioning, texts, tariffs and ladders."""
