import SwiftTorchLayers
import Testing

@testable import Course

@Suite("made scenes, detection and segmentation")
struct ScenesTests {
  private func box(_ left: Double, _ top: Double, _ right: Double, _ bottom: Double) -> Box {
    Box(left: left, top: top, right: right, bottom: bottom)
  }

  private func found(_ box: Box, _ score: Double, _ shape: Scene.Shape = .disc) -> Detection {
    Detection(shape: shape, box: box, score: score)
  }

  @Test("a scene depends on its seed and number alone")
  func deterministic() {
    #expect(Scene(seed: 3, number: 5) == Scene(seed: 3, number: 5))
    #expect(Scene(seed: 3, number: 5) != Scene(seed: 3, number: 6))
    #expect(Scene(seed: 3, number: 5) != Scene(seed: 4, number: 5))
    // The very numbers: runs of other machines and versions see the same pictures.
    let scene = Scene(seed: 0, number: 0)
    let sum = scene.picture.pixels.reduce(UInt32(17)) { $0 &* 31 &+ UInt32($1) }
    #expect(sum == 1_312_924_323)
  }

  @Test("boxes are as small as can be around the pixels of the mask, and each object has a cell of its own")
  func boxesEncloseMasks() {
    var shapes: [Scene.Shape: Int] = [:]
    for number in 0..<100 {
      let scene = Scene(seed: 1, number: number)
      #expect((1...3).contains(scene.objects.count))
      var inside = 0
      for object in scene.objects {
        shapes[object.shape, default: 0] += 1
        let (left, right) = (Int(object.box.left), Int(object.box.right))
        let (top, bottom) = (Int(object.box.top), Int(object.box.bottom))
        #expect(left >= 0 && top >= 0 && right <= Scene.size && bottom <= Scene.size)
        let class8 = UInt8(1 + object.shape.rawValue)
        func pixels(_ rows: Range<Int>, _ columns: Range<Int>) -> Int {
          rows.reduce(0) { sum, y in sum + columns.count { scene.mask[y * Scene.size + $0] == class8 } }
        }
        // On every side of the box lies a pixel of the object.
        #expect(pixels(top..<top + 1, left..<right) > 0 && pixels(bottom - 1..<bottom, left..<right) > 0)
        #expect(pixels(top..<bottom, left..<left + 1) > 0 && pixels(top..<bottom, right - 1..<right) > 0)
        inside += pixels(top..<bottom, left..<right)
      }
      let painted = scene.mask.count { $0 > 0 }
      // A corner of a box may lie over a neighbour of the same class.
      #expect(inside >= painted && painted > 0, "scene \(number)")
      let cells = scene.objects.map { object in
        let (x, y) = (object.box.left + object.box.right, object.box.top + object.box.bottom)
        return [Int(x / 16), Int(y / 16)]
      }
      #expect(Set(cells).count == cells.count, "scene \(number)")
    }
    #expect(Scene.Shape.allCases.allSatisfy { shapes[$0, default: 0] > 30 }, "\(shapes)")
  }

  @Test("pictures become numbers from -2 to 2, channels first")
  func images() throws {
    let scenes = [Scene](seed: 2, from: 0, count: 2)
    let images = try scenes.images()
    #expect(images.shape == [2, 3, 64, 64])
    let byte = scenes[1].picture.pixels[3 * (7 * 64 + 9) + 2]
    let value: Float = try images[1, 2, 7, 9].item()
    let scaled = Float(byte) / 63.75 - 2
    #expect(value == scaled)
    #expect(try scenes.masks().scalars(as: UInt8.self) == scenes.flatMap(\.mask))
  }

  @Test("decoding the targets gives the objects back")
  func targetsAndDecodingAreInverse() throws {
    let scenes = [Scene](seed: 5, from: 0, count: 20)
    let targets = try DetectionTargets(scenes)
    // What a network would put out that is certain of the targets.
    let boxes = targets.boxes
    let present = try (boxes[.all, 0..<1] * 40 - 20)
    let places = try boxes[.all, 1..<3].clamp(min: 1e-7, max: 1 - 1e-7)
    let logits = try (places / (1 - places)).log()
    let classes = try targets.classes.clamp(min: 0).oneHot(numClasses: 3).permute([0, 3, 1, 2]).to(.float32)
    let output = try cat([present, logits, boxes[.all, 3..<5], classes * 30], dim: 1)
    for (index, scene) in scenes.enumerated() {
      let list = decoded(try output[index].scalars(as: Float.self), threshold: 0.5)
      #expect(list.count == scene.objects.count)
      for object in scene.objects {
        let same = list.filter { $0.shape == object.shape && $0.box.iou(object.box) > 0.999 }
        #expect(same.count == 1 && same[0].score > 0.999)
      }
    }
    let perfect = try detectionLoss(output, targets).item(as: Double.self)
    let other = try detectionLoss(output.roll(1, 0), targets).item(as: Double.self)
    #expect(perfect < 1e-4 && other > 1)
  }

  @Test("the loss of the detector is the hand-computed one")
  func loss() throws {
    // All logits are 0: every probability is 1/2, each class has 1/3, and boxes are one cell wide and high.
    let scene = Scene(seed: 5, number: 0)
    let targets = try DetectionTargets([scene])
    let numbers = try targets.boxes.scalars(as: Float.self).map(Double.init)
    let ln2 = 0.6931471805599453
    var expected = 0.5 * 64 * ln2
    for place in 0..<64 where numbers[place] == 1 {
      expected += 0.5 * ln2 + 1.0986122886681098
      for plane in 1...2 {
        expected += 5 * (numbers[64 * plane + place] - 0.5) * (numbers[64 * plane + place] - 0.5)
      }
      for plane in 3...4 { expected += 5 * numbers[64 * plane + place] * numbers[64 * plane + place] }
    }
    let loss = try detectionLoss(try Tensor.zeros([1, 8, 8, 8]), targets).item(as: Double.self)
    #expect(abs(loss - expected) < 1e-4, "\(loss) \(expected)")
  }

  @Test("intersection over union")
  func iou() {
    #expect(box(0, 0, 2, 2).iou(box(0, 0, 2, 2)) == 1)
    #expect(box(0, 0, 2, 2).iou(box(2, 0, 4, 2)) == 0)
    let third: Double = 2 / 6
    #expect(box(0, 0, 2, 2).iou(box(1, 0, 3, 2)) == third)
    #expect(box(0, 0, 4, 4).iou(box(1, 1, 3, 3)) == 0.25)
    #expect(box(0, 0, 0, 0).iou(box(0, 0, 0, 0)) == 0)
    // Apart in both directions, where two negative sides would make a positive area.
    #expect(box(0, 0, 1, 1).iou(box(5, 5, 6, 6)) == 0)
  }

  @Test("of boxes on each other the surest stays, and those apart stay, too")
  func suppression() {
    let a = found(box(0, 0, 10, 10), 0.8)
    let b = found(box(1, 0, 11, 10), 0.9)
    let c = found(box(20, 20, 30, 30), 0.1, .square)
    // Overlaps with b, not with a.
    let d = found(box(6, 0, 16, 10), 0.7)
    #expect(nonMaximumSuppression([a, b, c, d], iou: 0.3) == [b, c])
    #expect(nonMaximumSuppression([a, b, c, d], iou: 0.5) == [b, d, c])
    #expect(nonMaximumSuppression([]).isEmpty)
  }

  @Test("each object can be found once, by a box of its class that overlaps by half")
  func judging() {
    let truth = [
      [
        Scene.Object(shape: .disc, box: box(0, 0, 10, 10)),
        Scene.Object(shape: .square, box: box(20, 0, 30, 10)),
      ],
      [Scene.Object(shape: .disc, box: box(0, 0, 10, 10))],
    ]
    let detections = [
      [
        found(box(0, 0, 10, 10), 0.9), found(box(0, 0, 10, 9), 0.8), found(box(20, 0, 30, 10), 0.95),
        found(box(20, 0, 30, 10), 0.5, .square),
      ],
      [found(box(5, 0, 15, 10), 0.7), found(box(0, 0, 10, 5), 0.6)],
    ]
    let discs = judged(detections, truth, .disc)
    #expect(discs.map(\.score) == [0.95, 0.9, 0.8, 0.7, 0.6])
    #expect(discs.map(\.isRight) == [false, true, false, false, true])
    #expect(judged(detections, truth, .square).map(\.isRight) == [true])
    #expect(judged(detections, truth, .triangle).isEmpty)
  }

  @Test("average precision of hand-made lists")
  func precision() {
    #expect(averagePrecision([true, true], objects: 2) == 1)
    #expect(averagePrecision([true], objects: 2) == 0.5)
    #expect(averagePrecision([false, true], objects: 1) == 0.5)
    let mean: Double = (1 + 2.0 / 3) / 2
    #expect(averagePrecision([true, false, true], objects: 2) == mean)
    // The precision at a recall is the best that is reached there or further on: 3/4 for all.
    #expect(averagePrecision([false, true, true, true], objects: 3) == 0.75)
    #expect(averagePrecision([false], objects: 1) == 0)
    #expect(averagePrecision([], objects: 3) == 0)
  }

  @Test("IoU and accuracy of hand-made masks")
  func confusion() {
    var confusion = Confusion(classes: 3)
    confusion.add(truth: [0, 0, 0, 1], given: [0, 0, 1, 1])
    confusion.add(truth: [1, 1], given: [1, 0])
    #expect(confusion.counts == [[2, 1, 0], [1, 2, 0], [0, 0, 0]])
    let accuracy: Double = 4 / 6
    #expect(confusion.accuracy == accuracy)
    #expect(confusion.iou == [0.5, 0.5, 0])
  }

  @Test("a few steps make the losses of detector and segmenter fall")
  func training() throws {
    try Torch.manualSeed(1)
    let row = CourseRow.all.first { $0.name == "C21" }!
    let lesson = Lesson(row, Lesson.Settings(), Lesson.Listener())
    let scenes = [Scene](seed: 0, from: 0, count: 4)
    let images = try scenes.images()
    let targets = try DetectionTargets(scenes)
    let masks = try scenes.masks()
    let detector = try Models.detector.make(inputShape: [3, 64, 64], classes: 3)
    try lesson.fit(detector, "boxes", steps: 10, lr: 5e-3) { _ in
      try detectionLoss(try detector(images), targets)
    }
    let segmenter = try Models.segmenter.make(inputShape: [3, 64, 64], classes: 4)
    try lesson.fit(segmenter, "masks", steps: 10, lr: 5e-3) { _ in
      try crossEntropy(try segmenter(images), masks)
    }
    for name in ["boxes loss", "masks loss"] {
      let losses = try #require(lesson.numbers[name])
      #expect(losses.count == 10 && losses[9] < 0.7 * losses[0], "\(name) \(losses)")
    }
    // Measuring must not train.
    #expect(!detector.training && !segmenter.training)
  }
}
