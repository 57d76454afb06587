"""Keras after its own example "Image classification via fine-tuning with EfficientNet", on TensorFlow.

https://keras.io/examples/vision/image_classification_efficientnet_fine_tuning/: pooling, batch normalisation, dropout
0.2 and a dense layer on the frozen network, Adam 1e-2 for 25 epochs; then the last 20 layers (not their batch
normalisation) at 1e-5 for 4 epochs; batches of 64. EfficientNet-Lite0 is written here in Keras layers and filled with
the packaged weights; it must answer as timm's network does before anything is trained. Differs: no XLA (slower here),
flips are horizontal only, and only photographs are turned, moved and flipped; spectrograms are masked, shifted and
brightened.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from pathlib import Path

import keras
import numpy as np
from keras import layers
from recording import Job, Recorder, augment_spectrogram, options, planned_epochs, read_job, report_calibration

# (repeats, kernel, stride, expansion, channels) of the seven stages
STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)  # fmt: skip
HEAD_LR, LAYERS_LR, N_UNFROZEN, LAYERS_EPOCHS = 1e-2, 1e-5, 20, 4


def efficientnet_lite0(x):
    """Build the network; layers carry timm's names, so that weights find their place."""

    def conv(x, name: str, channels: int, kernel: int, stride: int):
        return layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False, name=name)(x)

    def norm(x, name: str, *, relu: bool = True):
        x = layers.BatchNormalization(epsilon=1e-3, name=name)(x)
        return layers.ReLU(6.0)(x) if relu else x

    x = norm(conv(x, "conv_stem", 32, 3, 2), "bn1")
    for i, (repeats, kernel, first_stride, expansion, channels) in enumerate(STAGES):
        for j in range(repeats):
            at, stride, into = f"blocks_{i}_{j}_", first_stride if j == 0 else 1, x
            number = 1
            if expansion > 1:
                x = norm(conv(x, at + "conv_pw", x.shape[-1] * expansion, 1, 1), at + "bn1")
                number = 2
            x = layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False, name=at + "conv_dw")(x)
            x = norm(x, f"{at}bn{number}")
            last = "conv_pwl" if expansion > 1 else "conv_pw"
            x = norm(conv(x, at + last, channels, 1, 1), f"{at}bn{number + 1}", relu=False)
            if stride == 1 and into.shape[-1] == channels:
                x = layers.Add()([x, into])
    return norm(conv(x, "conv_head", 1280, 1, 1), "bn2")


def fill(model: keras.Model, weights: dict[str, np.ndarray]) -> None:
    """Put timm's weights into the layers of the same names."""
    for layer in model.layers:
        # blocks_1_0_conv_pw is timm's blocks.1.0.conv_pw
        name = ".".join(layer.name.split("_", 3)) if layer.name.startswith("blocks_") else layer.name
        if isinstance(layer, layers.DepthwiseConv2D):
            layer.set_weights([weights[f"{name}.weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, layers.Conv2D):
            layer.set_weights([weights[f"{name}.weight"].transpose(2, 3, 1, 0)])
        elif isinstance(layer, layers.BatchNormalization) and f"{name}.running_mean" in weights:
            layer.set_weights([weights[f"{name}.{w}"] for w in ("weight", "bias", "running_mean", "running_var")])


def trunk_of(size_px: int, weights: dict[str, np.ndarray]) -> keras.Model:
    """Build the network up to its pooled features, with its weights."""
    inputs = layers.Input((size_px, size_px, 3))
    features = efficientnet_lite0(layers.Rescaling(1 / 127.5, -1.0)(inputs))
    trunk = keras.Model(inputs, layers.GlobalAveragePooling2D(name="avg_pool")(features))
    fill(trunk, weights)
    return trunk


def build(size_px: int, n_classes: int, weights: Path) -> tuple[keras.Model, float]:
    """Build frozen network and new top; return it with the largest difference to timm's pooled features."""
    kept = dict(np.load(weights))
    pixels = kept["probe_pixels"].astype(np.float32)
    found = trunk_of(pixels.shape[1], kept).predict(pixels, verbose=0)
    difference = float(np.abs(found - kept["probe_features"]).max())
    assert difference < 1e-3, f"the port differs from timm's network by {difference}"
    trunk = trunk_of(size_px, kept)
    trunk.trainable = False
    for layer in trunk.layers:
        layer.trainable = False
    x = layers.BatchNormalization()(trunk.output)
    x = layers.Dropout(0.2)(x)
    return keras.Model(trunk.input, layers.Dense(n_classes, activation="softmax")(x)), difference


class Batches(keras.utils.PyDataset):
    """Shuffled batches of the training part."""

    def __init__(self, job: Job, batch: int, seed: int) -> None:
        super().__init__(workers=1)
        self.job, self.batch, self.rng = job, batch, np.random.default_rng(seed)
        self.turned = [
            layers.RandomRotation(0.15, seed=seed),
            layers.RandomTranslation(0.1, 0.1, seed=seed),
            layers.RandomFlip("horizontal", seed=seed),
            layers.RandomContrast(0.1, seed=seed),
        ]
        self.order = self.rng.permutation(job.train)

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch)

    def __getitem__(self, index: int):
        rows = self.order[index * self.batch : (index + 1) * self.batch]
        pictures = self.job.pixels[rows]
        if self.job.kind == "sound":
            pictures = np.stack([augment_spectrogram(one, self.rng) for one in pictures])
        x = pictures.astype(np.float32)
        if self.job.kind == "image":
            for layer in self.turned:
                x = layer(x, training=True)
        return np.asarray(x), self.job.y[rows]

    def on_epoch_end(self) -> None:
        """Shuffle."""
        self.order = self.rng.permutation(self.job.train)


def compiled(model: keras.Model, lr: float) -> keras.Model:
    """Compile as the example does, without XLA: on two cores it took 20 times as long a step (3 pictures/s for 66)."""
    model.compile(
        keras.optimizers.Adam(lr), loss="sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False
    )
    return model


def unfreeze(model: keras.Model) -> None:
    """Let the last layers learn, but for batch normalisation."""
    for layer in model.layers[-N_UNFROZEN:]:
        if not isinstance(layer, layers.BatchNormalization):
            layer.trainable = True


def rate(model: keras.Model, batches: Batches, seconds: float) -> tuple[float, float]:
    """Return pictures a second, and a second of one processor, of the fastest ``train_on_batch`` after two."""
    x, y = batches[0]
    wall, used, until = [], [], time.perf_counter() + seconds
    while len(wall) < 4 or time.perf_counter() < until:
        start, processor = time.perf_counter(), time.process_time()
        model.train_on_batch(x, y)
        wall.append(time.perf_counter() - start)
        used.append(time.process_time() - processor)
    return len(x) / min(wall[2:]), len(x) / min(used[2:])


def main() -> None:
    """Train and write the run's folder."""
    parser = options(__doc__.splitlines()[0], epochs=25, batch=64)
    parser.add_argument("--weights", type=Path, required=True, help="what against_peers.py wrote from the package")
    given = parser.parse_args()
    keras.utils.set_random_seed(given.seed)
    job = read_job(given.manifest)
    size_px = job.pixels.shape[1]
    batches = Batches(job, given.batch, given.seed)
    model, difference = build(size_px, job.n_classes, given.weights)
    before = model.get_weights()
    share = (given.calibrate or given.trial) / 2
    head, head_processor = rate(compiled(model, 0.0), batches, share)
    rates = {"head": head}
    if given.calibrate:
        unfreeze(model)
        rates["last layers"], last_processor = rate(compiled(model, 0.0), batches, share)
        processor_rates = {"head": head_processor, "last layers": last_processor}
        start = time.perf_counter()
        rates["loading and augmenting alone"] = len(batches[0][0]) / (time.perf_counter() - start)
        report_calibration(
            given.out,
            peer="keras",
            batch=given.batch,
            size_px=size_px,
            difference=difference,
            rates=rates,
            processor_rates=processor_rates,
        )
        return
    model.set_weights(before)
    # The second step takes about as long an epoch; its epochs are planned for first.
    epochs = planned_epochs(
        given.epochs + LAYERS_EPOCHS, n_train=len(job.train), images_per_second=max(rates.values()),
        time_limit=given.time_limit,
    )  # fmt: skip
    second = min(LAYERS_EPOCHS, epochs - 1)
    record = Recorder(
        given.out, job, peer="keras", epochs=[epochs - second, second], batch=given.batch, lr=[HEAD_LR, LAYERS_LR],
        rates=rates, difference_to_timm=difference, keras=keras.__version__, backend=keras.backend.backend(),
    )  # fmt: skip
    for lr, n in ((HEAD_LR, epochs - second), (LAYERS_LR, second)):
        if lr == LAYERS_LR:
            unfreeze(model)
        compiled(model, lr)
        for _ in range(n):
            with record.training():
                model.fit(batches, epochs=1, verbose=0)
                record.saw(len(job.train))
            answers = model.predict(job.pixels[job.test].astype(np.float32), batch_size=64, verbose=0).argmax(1)
            record.epoch(answers)
    record.finish()


if __name__ == "__main__":
    main()
