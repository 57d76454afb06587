"""Recognizers: pretrained networks, how they run fast, what was taught to them, and how that is kept.

``backbones`` finds networks and their weights (``table`` lists the packaged ones, ``libraries`` asks timm and
torchvision, ``trunk`` finds a network's stages);
``engines`` runs one frozen (``torch_engine`` and ``openvino_engine`` each behind one door, ``pooling`` says how maps
become features, ``sealed`` keeps compiled networks); ``frozen_pass`` turns pictures into features, named as
``layer_names`` says; ``head`` answers from them; ``recognizer`` is all of it in one value, and ``bundle`` its files.
Training is one floor up.
"""

import os

# torch's threads wait for each other by spinning, unless told otherwise before it is first imported. On a machine that
# does anything else they then burn their turns (LOG.md, fine-tuning).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
