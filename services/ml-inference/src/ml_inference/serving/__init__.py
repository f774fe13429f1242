"""Answers `POST /predict` from a bundle; imports neither training nor forecasting."""
