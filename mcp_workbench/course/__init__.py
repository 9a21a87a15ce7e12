"""The course: exercises with feedback, progress, and the builds that are made of its chapters."""
