"""What the host does on a plugin's behalf: dialling connections and calling services, each act judged and logged."""
