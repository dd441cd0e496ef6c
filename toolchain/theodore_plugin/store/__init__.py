"""What is kept between runs, by content: facts, summaries, scanner results, answers. All of it can be deleted."""
