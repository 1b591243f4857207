"""What an atlas can do, a module for each question; ``Atlas`` has it all."""
