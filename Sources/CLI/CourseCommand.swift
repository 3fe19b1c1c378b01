import ArgumentParser
import Course
import Formats
import SwiftTorchLayers

/// `torchlayers course`.
struct CourseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "course",
    abstract: "Shows what convolutional networks do, row by row: numbers, trained networks, pictures.",
    discussion: """
      torchlayers course                  lists the rows
      torchlayers course C1               the numbers of the first, step by step
      torchlayers course C14 --quick      less training, for a first look
      torchlayers course --all --quick

      Pictures and runs go to runs/course; what was trained there already is not trained again.
      """)

  @Argument(help: ArgumentHelp("The rows, for example C1 C14. (default: list them)", valueName: "row"))
  var rows: [String] = []
  @Flag(help: "Every row.") var all = false
  @Flag(help: "Less data and fewer epochs.") var quick = false
  @Option(help: ArgumentHelp("The folder to write to.", valueName: "folder")) var output = "runs/course"
  @Option(help: "The folder of the four MNIST files. (default: the usual places)") var dataDir: String?
  @Option(help: "The seed of all random numbers.") var seed: UInt64 = 0
  @Option(help: "Threads on the CPU. (default: the number of cores)") var threads: Int?
  @Option(help: "auto, cpu, cuda or cuda:N.") var device = "auto"
  @Flag(help: "Print the result as one JSON object.") var json = false

  func validate() throws {
    guard rows.isEmpty || !all else { throw ValidationError("give rows or --all, not both.") }
    guard threads.map({ (1...4096).contains($0) }) ?? true else {
      throw ValidationError("--threads must be from 1 to 4096, not \(threads!).")
    }
    _ = try chosenRows()
  }

  private func chosenRows() throws -> [CourseRow] {
    guard !all else { return CourseRow.all }
    return try rows.map { word in
      let name = try require(word.uppercased(), oneOf: CourseRow.all.map(\.name), "row")
      return CourseRow.all.first { $0.name == name }!
    }
  }

  private struct Report: Encodable {
    struct Row: Encodable {
      let row: String
      let title: String
      let notice: String
      let numbers: [String: [Double]]
      let pictures: [String]
      let seconds: Double
    }
    let rows: [Row]
  }

  func run() throws {
    let chosen = try chosenRows()
    guard !chosen.isEmpty else { return try listRows() }
    keepFreedMemory()
    try loadKeepingSmallBlocks()
    Interruption.install()
    var settings = Lesson.Settings()
    settings.quick = quick
    settings.folder = output
    settings.dataDir = dataDir
    settings.seed = seed
    settings.threads = try threads ?? Torch.numThreads
    settings.device = try chosenDevice(device)
    var computing = RunConfiguration()
    (computing.device, computing.threads) = (settings.device, settings.threads)
    _ = try computing.prepareDevice()
    let clock = ContinuousClock()
    var reports: [Report.Row] = []
    for row in chosen {
      let begin = clock.now
      let lesson = Lesson(row, settings, listener())
      if !json { print("\(row.name)  \(row.title)\n") }
      do {
        try Torch.manualSeed(seed)
        try row.teach(lesson)
      } catch is CancellationError {
        Terminal.note("interrupted; the same command goes on")
        throw ExitCode(130)
      }
      if !json { print("Notice: \(row.notice)\(chosen.count > 1 ? "\n" : "")") }
      reports.append(
        Report.Row(
          row: row.name, title: row.title, notice: row.notice,
          numbers: Dictionary(uniqueKeysWithValues: lesson.numbers.map { ($0.key, $0.value) }),
          pictures: lesson.pictures, seconds: (clock.now - begin) / .seconds(1)))
    }
    if json { try Terminal.printJSON(Report(rows: reports)) }
  }

  private func listener() -> Lesson.Listener {
    let line = ProgressLine()
    return Lesson.Listener(
      say: {
        line.clear()
        if !json { print($0) }
      },
      note: {
        line.clear()
        Terminal.note($0)
      }, observe: line.update,
      epochEnded: { line.epochEnded($0, of: $1) }, shouldStop: { Interruption.isAsked })
  }

  private func listRows() throws {
    if json {
      return try Terminal.printJSON(
        Report(
          rows: CourseRow.all.map {
            Report.Row(
              row: $0.name, title: $0.title, notice: $0.notice, numbers: [:], pictures: [], seconds: 0)
          }))
    }
    for row in CourseRow.all { print(row.name.padded(to: 5) + row.title) }
  }
}
