"""MLflow follows a run: what it was told, every loss, pictures and the model. Its failures never cost the training.

What happens is put into the run's outbox (outbox.py) by the run (tracker.py), and sent by a thread (sender.py) to
MLflow (mlflow_run.py, registry.py) as soon and as often as that answers.
"""

from jobs.training.tracking.destination import NO_TRACKING, Tracking, default_tracking_uri
from jobs.training.tracking.tracker import MlflowTracker, send_waiting, tracked, tracked_experiment

__all__ = [
    "NO_TRACKING",
    "MlflowTracker",
    "Tracking",
    "default_tracking_uri",
    "send_waiting",
    "tracked",
    "tracked_experiment",
]
