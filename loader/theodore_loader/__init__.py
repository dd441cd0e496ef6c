"""The trusted host side: verifies, stores, confines and calls plugins."""
