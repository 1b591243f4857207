"""Run_folder."""
