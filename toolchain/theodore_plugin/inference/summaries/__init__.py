"""Dependencies: each distribution is analysed once by itself, and plugins are judged with what that gave."""
