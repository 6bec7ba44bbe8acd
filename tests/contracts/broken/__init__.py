"""Adapters that break the contract in one way each, and the small correct one that they share."""
