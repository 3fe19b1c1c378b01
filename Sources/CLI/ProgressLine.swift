import Formats
import SwiftTorchLayers

/// Shows where a training run is: a line that rewrites itself in a terminal, plain lines elsewhere.
final class ProgressLine {
  private let clock = ContinuousClock()
  private var shown: ContinuousClock.Instant?
  private var lineIsOpen = false
  private var hasWarned = false
  private let interval: Duration = Terminal.errorIsTerminal ? .milliseconds(200) : .seconds(15)

  /// Shows `progress` when it is time to. Reading the metrics makes the device wait, so it is not done more
  /// often than it is shown.
  func update(_ progress: TrainingProgress) throws {
    let now = clock.now
    if shown == nil { shown = now - interval + .milliseconds(200) }
    if let shown, now - shown < interval, !Terminal.errorIsTerminal || progress.batch < progress.batches {
      return
    }
    shown = now
    let (loss, accuracy) = try progress.metrics()
    warn(loss, epoch: progress.epoch)
    let speed = Double(progress.images) / progress.seconds
    let share = Double(progress.batch) / Double(progress.batches)
    let done = Double(progress.epoch - 1) + share
    let left = (Double(progress.epochs) - done) * Double(progress.imagesPerEpoch) / speed
    let text =
      "\(grouped(speed)) images/s  loss \(fixed(loss, 4))  accuracy \(percent(accuracy))  "
      + "\(duration(left)) left"
    let head = "epoch \(progress.epoch)/\(progress.epochs)"
    if Terminal.errorIsTerminal {
      let width = 24
      let full = Int((share * Double(width)).rounded())
      let bar = String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
      Terminal.write("\r\u{1B}[K\(head) \(bar) \(fixed(share * 100, 0)) %  \(text)")
      lineIsOpen = true
    } else {
      Terminal.note("\(head)  \(fixed(share * 100, 0)) %  \(text)")
    }
  }

  /// Says, once, that training has gone astray.
  private func warn(_ loss: Double, epoch: Int) {
    guard !loss.isFinite, !hasWarned else { return }
    hasWarned = true
    clear()
    Terminal.note("warning: the loss is not finite (\(loss)) in epoch \(epoch); a lower --lr may help")
  }

  func epochEnded(_ metrics: EpochMetrics, of epochs: Int) {
    clear()
    for loss in [metrics.trainLoss, metrics.validationLoss ?? 0] { warn(loss, epoch: metrics.epoch) }
    var text =
      "epoch \(metrics.epoch)/\(epochs): loss \(fixed(metrics.trainLoss, 4)), accuracy "
      + "\(percent(metrics.trainAccuracy))"
    if let loss = metrics.validationLoss, let accuracy = metrics.validationAccuracy {
      text += ", validation loss \(fixed(loss, 4)), accuracy \(percent(accuracy))"
    }
    text += ", \(duration(metrics.seconds)), \(grouped(metrics.imagesPerSecond)) images/s"
    Terminal.note(text)
  }

  /// Removes the open line.
  func clear() {
    if lineIsOpen { Terminal.write("\r\u{1B}[K") }
    lineIsOpen = false
  }
}
