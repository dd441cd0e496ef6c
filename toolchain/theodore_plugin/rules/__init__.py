"""The rules, one file each; :mod:`.catalogue` lists them, so that naming one does not import them all."""
