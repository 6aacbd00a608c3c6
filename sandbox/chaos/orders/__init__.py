"""Made-to-order orders in chaos: what is planned of them, who buys, and how they have to end."""
