"""The networks of Sources/SwiftTorchLayers/Models in plain torch.nn, with torchvision's keys and first weights.

Imported by the scripts of the tests and by Benchmarks/.
"""

from collections import OrderedDict

from torch import nn


def softmax(channels, height, width, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, classes))


def dense(sizes, classes, activation=nn.ReLU, dropout=None):
    layers = [nn.Flatten()]
    for i, o in zip(sizes, sizes[1:]):
        layers += [nn.Linear(i, o), activation()] + ([] if dropout is None else [nn.Dropout(dropout)])
    return nn.Sequential(*layers, nn.Linear(sizes[-1], classes))


def mlp(channels, height, width, classes):
    return dense([channels * height * width, 200, 100, 60, 30], classes)


def mlp_sigmoid(channels, height, width, classes):
    return dense([channels * height * width, 200, 100, 60, 30], classes, activation=nn.Sigmoid)


def mlp_dropout(channels, height, width, classes):
    return dense([channels * height * width, 200, 100, 60, 30], classes, dropout=0.25)


def cnn(channels, height, width, classes):
    return nn.Sequential(
        nn.Conv2d(channels, 32, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * (height // 4) * (width // 4), 1024), nn.ReLU(), nn.Dropout(0.4),
        nn.Linear(1024, classes))


def lenet(channels, height, width, classes):
    padding = 2 if height < 32 or width < 32 else 0
    h, w = (((size + 2 * padding - 4) // 2 - 4) // 2 for size in (height, width))
    return nn.Sequential(
        nn.Conv2d(channels, 6, 5, padding=padding), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(16 * h * w, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, classes))


def tiny(channels, height, width, classes):
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(8 * ((height - 2) // 2) * ((width - 2) // 2), classes))


def normalized(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def cnn_batchnorm(channels, height, width, classes):
    return nn.Sequential(
        *normalized(channels, 32), *normalized(32, 32), nn.MaxPool2d(2),
        *normalized(32, 64), *normalized(64, 64), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.4), nn.Linear(64 * (height // 4) * (width // 4), 200, bias=False),
        nn.BatchNorm1d(200), nn.ReLU(), nn.Dropout(0.4), nn.Linear(200, classes))


def x_or_o(channels, height, width, classes):
    h, w = (((size - 2 + 1) // 2 + 1) // 2 for size in (height, width))
    return nn.Sequential(
        nn.Conv2d(channels, 3, 3), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(3, 3, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
        nn.Flatten(), nn.Linear(3 * h * w, classes))


def cifar_mlp(channels, height, width, classes):
    return dense([channels * height * width, 2048, 1024, 512], classes)


def convolutions(*sizes):
    """3x3 convolutions with ReLU; None stands for pooling."""
    layers, inputs = [], sizes[0]
    for size in sizes[1:]:
        layers += [nn.MaxPool2d(2)] if size is None else [nn.Conv2d(inputs, size, 3, padding=1), nn.ReLU()]
        inputs = size or inputs
    return layers


def cifar_cnn(channels, height, width, classes):
    return nn.Sequential(
        *convolutions(channels, 32, 32, None, 64, 64, None),
        nn.Flatten(), nn.Linear(64 * (height // 4) * (width // 4), 512), nn.ReLU(), nn.Linear(512, classes))


def head_dense(channels, height, width, classes):
    return nn.Sequential(
        *convolutions(channels, 32, None, 64, None, 128),
        nn.Flatten(), nn.Linear(128 * (height // 4) * (width // 4), 128), nn.ReLU(), nn.Linear(128, classes))


def head_pooling(channels, height, width, classes):
    return nn.Sequential(
        *convolutions(channels, 32, None, 64, None, 128),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, classes))


def detector(channels, height, width, classes):
    return nn.Sequential(
        *normalized(channels, 16), nn.MaxPool2d(2), *normalized(16, 32), nn.MaxPool2d(2),
        *normalized(32, 64), nn.MaxPool2d(2), *normalized(64, 64), nn.Conv2d(64, 5 + classes, 1))


def segmenter(channels, height, width, classes):
    return nn.Sequential(OrderedDict(
        encoder=nn.Sequential(*convolutions(channels, 16, None, 32, None, 64)),
        decoder=nn.Sequential(
            nn.ConvTranspose2d(64, 32, 2, stride=2), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(32, 16, 2, stride=2), nn.ReLU(), nn.Conv2d(16, classes, 1))))


def autoencoder(channels, height, width, classes, code=16):
    last = (height // 4, width // 4)
    return nn.Sequential(OrderedDict(
        encoder=nn.Sequential(
            nn.Conv2d(channels, 16, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(32, code, last)),
        decoder=nn.Sequential(
            nn.ConvTranspose2d(code, 32, last), nn.ReLU(),
            nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(16, channels, 4, stride=2, padding=1), nn.Sigmoid())))


def alexnet_2012(channels, height, width, classes, dense=4096):
    def norm():
        return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)

    network = nn.Sequential(OrderedDict(
        features=nn.Sequential(
            nn.Conv2d(channels, 96, 11, stride=4, padding=2), nn.ReLU(), norm(), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), norm(), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, stride=2)),
        avgpool=nn.AdaptiveAvgPool2d(6), flatten=nn.Flatten(),
        classifier=nn.Sequential(
            nn.Dropout(), nn.Linear(256 * 6 * 6, dense), nn.ReLU(),
            nn.Dropout(), nn.Linear(dense, dense), nn.ReLU(), nn.Linear(dense, classes))))
    ones = {"features.4", "features.10", "features.12", "classifier.1", "classifier.4"}
    for name, module in network.named_modules():
        if hasattr(module, "weight"):
            nn.init.normal_(module.weight, 0, 0.01)
            nn.init.constant_(module.bias, 1 if name in ones else 0)
    return network


class AlexNet(nn.Module):
    def __init__(self, channels, classes, dense):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 64, 11, stride=4, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2))
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(256 * 6 * 6, dense), nn.ReLU(inplace=True),
            nn.Dropout(), nn.Linear(dense, dense), nn.ReLU(inplace=True), nn.Linear(dense, classes))

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


class VGG(nn.Module):
    def __init__(self, blocks, channels, classes, dense):
        super().__init__()
        layers = []
        for count, outputs in zip(blocks, [64, 128, 256, 512, 512]):
            for _ in range(count):
                layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.ReLU(inplace=True)]
                channels = outputs
            layers.append(nn.MaxPool2d(2, stride=2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, dense), nn.ReLU(True), nn.Dropout(),
            nn.Linear(dense, dense), nn.ReLU(True), nn.Dropout(), nn.Linear(dense, classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.constant_(module.bias, 0)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.constant_(module.bias, 0)

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs, outputs, stride, downsample):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = downsample

    def forward(self, x):
        residual = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        residual += x if self.downsample is None else self.downsample(x)
        return self.relu(residual)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs, width, stride, downsample):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x):
        residual = self.relu(self.bn1(self.conv1(x)))
        residual = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(residual)))))
        residual += x if self.downsample is None else self.downsample(x)
        return self.relu(residual)


class ResNet(nn.Module):
    def __init__(self, block, blocks, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self.layer(block, 64, 64, blocks[0], 1)
        self.layer2 = self.layer(block, 64 * block.expansion, 128, blocks[1], 2)
        self.layer3 = self.layer(block, 128 * block.expansion, 256, blocks[2], 2)
        self.layer4 = self.layer(block, 256 * block.expansion, 512, blocks[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @staticmethod
    def layer(block, inputs, width, blocks, stride):
        downsample, outputs = None, width * block.expansion
        if stride != 1 or inputs != outputs:
            downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))
        first = block(inputs, width, stride, downsample)
        return nn.Sequential(first, *(block(outputs, width, 1, None) for _ in range(blocks - 1)))

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def alexnet(channels, height, width, classes, dense=4096):
    return AlexNet(channels, classes, dense)


def vgg11(channels, height, width, classes, dense=4096, blocks=(1, 1, 2, 2, 2)):
    return VGG(blocks, channels, classes, dense)


def vgg16(channels, height, width, classes):
    return vgg11(channels, height, width, classes, blocks=(2, 2, 3, 3, 3))


def resnet18(channels, height, width, classes):
    return ResNet(BasicBlock, [2, 2, 2, 2], channels, classes)


def resnet50(channels, height, width, classes, blocks=(3, 4, 6, 3)):
    return ResNet(Bottleneck, blocks, channels, classes)


NETWORKS = {
    make.__name__.replace("_", "-"): make for make in (
        softmax, mlp_sigmoid, mlp, mlp_dropout, cnn, cnn_batchnorm, lenet, tiny, x_or_o, cifar_mlp, cifar_cnn,
        head_dense, head_pooling, alexnet_2012, alexnet, vgg11, vgg16, resnet18, resnet50, detector, segmenter,
        autoencoder)}


def make(name, input_shape, classes, **settings):
    """The network of that name for images of `[channels, height, width]`."""
    return NETWORKS[name](*input_shape, classes, **settings)
