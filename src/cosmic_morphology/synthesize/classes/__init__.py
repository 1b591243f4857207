"""One painter for each class; ``PAINTERS`` of :mod:`..renderer` names them."""
