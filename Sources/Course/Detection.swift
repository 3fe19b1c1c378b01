import Formats
import SwiftTorchLayers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// Detection in one pass, after Redmon et al. 2016, https://arxiv.org/abs/1506.02640: the picture is cut into a grid,
// and each cell says what has its centre there.

/// An object that a network found.
struct Detection: Equatable, Sendable {
  let shape: Scene.Shape
  let box: Box
  /// The probability that there is an object, times that of its class.
  let score: Double
}

/// What the detector should say of scenes.
struct DetectionTargets {
  /// The side of a cell, in pixels.
  static let cell = 8.0
  /// Cells in a row.
  static let cells = Scene.size / 8

  /// float32 `[N, 5, 8, 8]`, for the cell with the centre of a box: 1, the centre's place in the cell (x, y, 0 to 1),
  /// and the logarithms of the box's width and height in cells; else 0.
  let boxes: Tensor
  /// int64 `[N, 8, 8]`: the class, or −100 where there is nothing.
  let classes: Tensor

  init(_ scenes: [Scene], on device: Device = .cpu) throws {
    let cells = Self.cells
    let area = cells * cells
    var boxes = [Float](repeating: 0, count: scenes.count * 5 * area)
    var classes = [Int64](repeating: -100, count: scenes.count * area)
    for (index, scene) in scenes.enumerated() {
      for object in scene.objects {
        let box = object.box
        let x = (box.left + box.right) / 2 / Self.cell
        let y = (box.top + box.bottom) / 2 / Self.cell
        let place = Int(y) * cells + Int(x)
        let numbers = [
          1, x - x.rounded(.down), y - y.rounded(.down), log((box.right - box.left) / Self.cell),
          log((box.bottom - box.top) / Self.cell),
        ]
        for (plane, number) in numbers.enumerated() {
          boxes[(5 * index + plane) * area + place] = Float(number)
        }
        classes[index * area + place] = Int64(object.shape.rawValue)
      }
    }
    self.boxes = try Tensor(boxes, shape: [scenes.count, 5, cells, cells]).to(device)
    self.classes = try Tensor(classes, shape: [scenes.count, cells, cells]).to(device)
  }
}

/// What is wrong with the detector's output, for a scene on average: the binary cross-entropy of "there is an object",
/// which counts half in the many empty cells, and, in the cells with objects, five times the squared errors of the
/// centre and of the logarithms of the size, and the cross-entropy of the class.
func detectionLoss(_ output: Tensor, _ targets: DetectionTargets) throws -> Tensor {
  let present = try targets.boxes[.all, 0]
  let objects = try binaryCrossEntropyWithLogits(
    try output[.all, 0], present, weight: try 0.5 * present + 0.5, reduction: .sum)
  let centers = try (output[.all, 1..<3].sigmoid() - targets.boxes[.all, 1..<3]).square()
  let sizes = try (output[.all, 3..<5] - targets.boxes[.all, 3..<5]).square()
  let places = try ((centers + sizes) * present.unsqueeze(1)).sum()
  let classes = try crossEntropy(try output[.all, 5...], targets.classes, reduction: .sum)
  return try (objects + 5 * places + classes) / output.shape[0]
}

/// The objects that the detector's output for one scene speaks of, doubles removed, the surest first.
/// - Parameters:
///   - output: `[5 + classes, 8, 8]` in row-major order.
///   - threshold: less sure ones are left out.
func decoded(_ output: [Float], threshold: Double) -> [Detection] {
  let (cell, cells) = (DetectionTargets.cell, DetectionTargets.cells)
  let area = cells * cells
  var found: [Detection] = []
  for place in 0..<area {
    let numbers = stride(from: place, to: output.count, by: area).map { Double(output[$0]) }
    func sigmoid(_ logit: Double) -> Double { 1 / (1 + exp(-logit)) }
    let logits = numbers[5...]
    let best = logits.indices.max { logits[$0] < logits[$1] }!
    let share = 1 / logits.reduce(0) { $0 + exp($1 - logits[best]) }
    let score = sigmoid(numbers[0]) * share
    guard score >= threshold, let shape = Scene.Shape(rawValue: best - 5) else { continue }
    let x = (Double(place % cells) + sigmoid(numbers[1])) * cell
    let y = (Double(place / cells) + sigmoid(numbers[2])) * cell
    let (width, height) = (exp(numbers[3]) * cell, exp(numbers[4]) * cell)
    let edge = Double(Scene.size)
    let box = Box(
      left: max(0, x - width / 2), top: max(0, y - height / 2), right: min(edge, x + width / 2),
      bottom: min(edge, y + height / 2))
    found.append(Detection(shape: shape, box: box, score: score))
  }
  return nonMaximumSuppression(found)
}

/// Of detections that lie on each other only the surest: neighbouring cells often see the same object.
/// - Parameter iou: boxes that overlap by more are taken for one object.
func nonMaximumSuppression(_ detections: [Detection], iou: Double = 0.4) -> [Detection] {
  var kept: [Detection] = []
  for detection in detections.sorted(by: { $0.score > $1.score })
  where kept.allSatisfy({ $0.box.iou(detection.box) <= iou }) {
    kept.append(detection)
  }
  return kept
}

/// The detections of a class in all scenes, the surest first, and whether each is right: its box overlaps that of an
/// object of the class, the one it overlaps most, by `iou` or more, and no surer detection has that object.
func judged(
  _ found: [[Detection]], _ truth: [[Scene.Object]], _ shape: Scene.Shape, iou: Double = 0.5
) -> [(score: Double, isRight: Bool)] {
  var taken = truth.map { $0.map { _ in false } }
  let all = found.enumerated().flatMap { scene, list in list.map { (scene, $0) } }
  return all.filter { $0.1.shape == shape }.sorted { $0.1.score > $1.1.score }.map { scene, detection in
    let objects = truth[scene]
    let candidates = objects.indices.filter { objects[$0].shape == shape }
    let overlaps = candidates.map { (index: $0, iou: objects[$0].box.iou(detection.box)) }
    guard let best = overlaps.max(by: { $0.iou < $1.iou }), best.iou >= iou, !taken[scene][best.index]
    else { return (detection.score, false) }
    taken[scene][best.index] = true
    return (detection.score, true)
  }
}

/// The area under the curve of precision (the share of detections that are right) over recall (the share of objects
/// that are found), as the threshold falls; at each recall the best precision that is reached there or further on.
/// - Parameters:
///   - judged: the detections, the surest first.
///   - objects: how many there are.
func averagePrecision(_ judged: [Bool], objects: Int) -> Double {
  guard objects > 0 else { return 0 }
  var right = 0
  var precisions: [Double] = []  // at every right detection, where the recall grows
  for (index, isRight) in judged.enumerated() where isRight {
    right += 1
    precisions.append(Double(right) / Double(index + 1))
  }
  var best = 0.0
  var sum = 0.0
  for precision in precisions.reversed() {
    best = max(best, precision)
    sum += best
  }
  return sum / Double(objects)
}

extension Lesson {
  /// The second part of C21.
  func detection() throws {
    say(
      """
      2. Detection: where is what? Scenes of 64x64 pixels are made by chance, with one to three discs, squares
      and triangles. The network looks once. It ends in a grid of 8x8 cells, and each cell gives 8 numbers: is
      the centre of an object here, where in the cell (x, y), how wide and how high, and one number for each of
      the three classes. Of boxes that overlap only the surest stays (non-maximum suppression).
      """)
    let model = try Models.detector.make(inputShape: Models.detector.inputShape, classes: 3).to(
      device)
    try fit(model, "detection", steps: quick ? 400 : 1500, lr: 5e-3) { step in
      let scenes = [Scene](seed: settings.seed, from: 8 * step, count: 8)
      let targets = try DetectionTargets(scenes, on: device)
      return try detectionLoss(try model(scenes.images(on: device)), targets)
    }
    let scenes = heldOutScenes()
    let found = try predictions(model, scenes) { output in
      let values = try output.scalars(as: Float.self)
      let size = values.count / output.shape[0]
      return stride(from: 0, to: values.count, by: size).map {
        decoded(Array(values[$0..<$0 + size]), threshold: 0.01)
      }
    }
    report(found, scenes)
    let count = min(8, scenes.count)
    let pictures = (0..<count).map { drawn(scenes[$0], found[$0].filter { $0.score >= 0.5 }) }
    try picture(
      Canvas.grid(pictures, columns: 4, gap: 4), "detection",
      "scenes that the network never saw, and the boxes it gives (red: disc, blue: square, green: triangle) over "
        + "the true ones in white; the number is the score in percent")
  }

  private func report(_ found: [[Detection]], _ scenes: [Scene]) {
    let truth = scenes.map(\.objects)
    var precisions: [Double] = []
    let rows = Scene.Shape.allCases.map { shape in
      let objects = truth.joined().count { $0.shape == shape }
      let judgement = judged(found, truth, shape)
      let sure = judgement.filter { $0.score >= 0.5 }
      let right = sure.count { $0.isRight }
      precisions.append(averagePrecision(judgement.map(\.isRight), objects: objects))
      return ["\(shape)", "\(objects)", "\(right)", "\(sure.count - right)", fixed(precisions.last!, 3)]
    }
    say(
      """
      \(scenes.count) scenes that were not trained on. A box is right when it overlaps the true one by half or more
      (intersection over union, IoU) and the class is right. "found" and "wrong" count boxes with a score of at
      least 0.5; the average precision (AP) takes all thresholds together, 1 is the best.
      """)
    show(columns: ["class", "objects", "found", "wrong", "AP"], rows: rows)
    keep("detection AP", precisions)
    show("detection mAP at IoU 0.5", precisions.reduce(0, +) / 3, as: fixed(precisions.reduce(0, +) / 3, 3))
  }

  private func drawn(_ scene: Scene, _ found: [Detection]) -> Picture {
    let scale = 3
    var canvas = Canvas(width: Scene.size * scale, height: Scene.size * scale)
    canvas.draw(scene.picture, x: 0, y: 0, scale: scale)
    func outline(_ box: Box, _ color: Canvas.Color) {
      let corners = [
        (box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom),
      ].map { (x: $0.0 * Double(scale) - 1, y: $0.1 * Double(scale) - 1) }
      for (index, corner) in corners.enumerated() {
        canvas.line(from: corner, to: corners[(index + 1) % 4], color)
      }
    }
    for object in scene.objects { outline(object.box, .white) }
    for detection in found {
      let color = detection.shape.color
      outline(detection.box, color)
      let text = fixed(100 * detection.score, 0)
      let x = Int(detection.box.left) * scale
      let y = max(0, Int(detection.box.top) * scale - 15)
      canvas.fill(x: x - 1, y: y, width: Canvas.width(of: text) + 4, height: 14, color)
      canvas.number(text, x: x + 1, y: y + 2, .white)
    }
    return canvas.picture
  }
}
