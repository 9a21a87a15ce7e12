"""What is asked of each exercise's answer: a module for each chapter, an async function for each exercise."""
