import Dispatch
import SwiftTorchLayers
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A worker process died in a case.
struct WorkerCrash: Error {
  let text: String
}

/// What a worker is asked to do.
struct Request: Codable {
  let operation: String
  let number: Int
  let choices: [Int]?
}

extension JSONEncoder {
  fileprivate static var line: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return encoder
  }
}

extension JSONDecoder {
  fileprivate static var line: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }
}

/// Text lines through a file descriptor.
struct LineReader {
  let file: Int32
  private var buffer: [UInt8] = []

  init(_ file: Int32) { self.file = file }

  /// The next line without its end; nil at the end of the file, or when nothing comes for so long.
  mutating func next(seconds: Int32? = nil) -> [UInt8]? {
    while true {
      if let end = buffer.firstIndex(of: 10) {
        let line = Array(buffer[..<end])
        buffer.removeFirst(end + 1)
        return line
      }
      if let seconds {
        var waiting = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
        if poll(&waiting, 1, seconds * 1000) == 0 { return nil }
      }
      var chunk = [UInt8](repeating: 0, count: 65536)
      let count = read(file, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return nil }
      buffer += chunk[..<count]
    }
  }
}

/// Writes all bytes; false when nobody reads any more.
func send(_ bytes: [UInt8], to file: Int32) -> Bool {
  var done = 0
  while done < bytes.count {
    let count = bytes[done...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return false }
    done += count
  }
  return true
}

/// A process of its own that runs cases, so that a crash of libtorch ends only that process.
final class Worker {
  private let process: pid_t
  private let input: Int32
  private var output: LineReader
  private var hasEnded = false

  /// - Parameter arguments: the program and its arguments, which must call `ParitySuite.serve()`.
  init(_ arguments: [String]) throws {
    let (process, input, output) = try Self.start(arguments)
    self.process = process
    self.input = input
    self.output = LineReader(output)
  }

  /// One at a time: a child must not inherit the pipes of another.
  private static let starting = Mutex(())

  /// Starts a program whose standard input and output are pipes.
  static func start(_ arguments: [String]) throws -> (pid_t, input: Int32, output: Int32) {
    try starting.withLock { _ in try startAlone(arguments) }
  }

  private static func startAlone(_ arguments: [String]) throws -> (pid_t, input: Int32, output: Int32) {
    var (toChild, fromChild): ([Int32], [Int32]) = ([0, 0], [0, 0])
    guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else {
      throw TorchError("a worker cannot be started: \(String(cString: strerror(errno)))")
    }
    for file in toChild + fromChild { _ = fcntl(file, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    // Warnings of libtorch and backtraces: whoever repeats the case sees them.
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var pointers = arguments.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var process = pid_t()
    let status = posix_spawn(&process, arguments[0], &actions, nil, pointers, environ)
    close(toChild[0])
    close(fromChild[1])
    guard status == 0 else {
      throw TorchError("\(arguments[0]) cannot be started: \(String(cString: strerror(status)))")
    }
    return (process, toChild[1], fromChild[0])
  }

  deinit {
    close(input)
    close(output.file)
    guard !hasEnded else { return }
    var status: Int32 = 0
    kill(process, SIGKILL)
    waitpid(process, &status, 0)
  }

  /// - Throws: `WorkerCrash` when the process dies of it.
  func run(_ request: Request) throws -> CaseResult {
    let line = try Array(JSONEncoder.line.encode(request)) + [10]
    var description = ""
    if send(line, to: input) {
      while let answer = output.next(seconds: Self.patience) {
        if answer.first == Self.mark {
          description = String(decoding: answer.dropFirst(), as: UTF8.self)
        } else if let result = try? JSONDecoder.line.decode(CaseResult.self, from: Data(answer)) {
          return result
        }
      }
    }
    throw WorkerCrash(text: ending() + (description.isEmpty ? "" : " in \(description)"))
  }

  /// Seconds that a case may take; whole networks take some.
  static let patience: Int32 = 900

  /// Begins a line with the case in words.
  static let mark = UInt8(ascii: "#")

  /// How the process ended.
  private func ending() -> String {
    var status: Int32 = 0
    // It has closed its output, so it ends soon, or it never answers.
    for _ in 0..<100 where !hasEnded {
      if waitpid(process, &status, WNOHANG) == process { hasEnded = true } else { usleep(20_000) }
    }
    guard hasEnded else { return "the process did not answer for \(Self.patience) seconds" }
    let signal = status & 0x7F
    return signal == 0
      ? "the process ended with exit code \((status >> 8) & 0xFF)"
      : "the process was ended by signal \(signal) (\(String(cString: strsignal(signal))))"
  }
}

/// A worker that has died is found out when it is read from.
func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

extension ParitySuite {
  /// The suite that a worker serves, as one argument.
  public var argument: String {
    String(decoding: (try? JSONEncoder.line.encode(self)) ?? Data(), as: UTF8.self)
  }

  public init?(argument: String) {
    guard let suite = try? JSONDecoder.line.decode(ParitySuite.self, from: Data(argument.utf8)) else {
      return nil
    }
    self = suite
  }

  /// A worker's whole life: reads requests from standard input and answers on standard output.
  public func serve() throws {
    var lines = LineReader(0)
    while let line = lines.next() {
      let request = try JSONDecoder.line.decode(Request.self, from: Data(line))
      // So that the suite can show that it survives a crash.
      if request.operation == Self.crash { abort() }
      let result = try run(request.operation, case: request.number, choices: request.choices) { text in
        _ = send([Worker.mark] + Array(text.utf8) + [10], to: 1)
      }
      guard send(Array(try JSONEncoder.line.encode(result)) + [10], to: 1) else { return }
    }
  }

  /// How many processes share a GPU at most: it runs the kernels of one at a time, and while it does the others compute
  /// the reference. More would only add contexts, each with the libraries' kernels and workspaces.
  static let mostOnGPU = 4

  /// What a process is reckoned to take of a GPU's memory: context, kernels, cuBLAS's and cuDNN's workspaces, and blocks
  /// that libtorch keeps. The cases themselves are small.
  static let bytesOnGPU = 2 << 30

  /// How many worker processes to run.
  /// - Parameters:
  ///   - threads: the threads of this machine's processor.
  ///   - freeMemory: of the GPU that they share, in bytes, nil when not known. Half is left to other programs.
  public func workers(threads: Int, freeMemory: Int?) -> Int {
    guard Device(device)?.isCUDA == true else { return threads }
    let fitting = (freeMemory ?? 0) / 2 / Self.bytesOnGPU
    return max(1, min(threads, Self.mostOnGPU, fitting))
  }

  /// An operation that ends its process.
  static let crash = "crash"

  /// Runs the operations named, or all, in worker processes, several at a time.
  /// - Parameters:
  ///   - worker: a program and its arguments that call `serve()` of the same suite.
  ///   - finished: receives the reports, in their order.
  public func run(
    only name: String? = nil, worker: [String], workers count: Int,
    finished: @Sendable (OperationReport) -> Void
  ) throws -> [OperationReport] {
    signal(SIGPIPE, SIG_IGN)
    let chosen = Self.operations.filter { (name == nil || $0.name == name) && self.count($0) > 0 }
    // The long ones first, so that none is left alone at the end.
    let order = chosen.indices.sorted {
      (chosen[$0].mostCases ?? .max, $0) < (chosen[$1].mostCases ?? .max, $1)
    }
    let state = Mutex((next: 0, done: [OperationReport?](repeating: nil, count: chosen.count), printed: 0))
    let failure = Mutex<(any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: min(count, chosen.count)) { _ in
      var process: Worker?
      while failure.withLock({ $0 == nil }) {
        let place = state.withLock { state -> Int? in
          guard state.next < order.count else { return nil }
          defer { state.next += 1 }
          return order[state.next]
        }
        guard let place else { return }
        do {
          let report = try report(chosen[place]) { number, choices in
            let current = try process ?? Worker(worker)
            process = current
            do {
              return try current.run(
                Request(operation: chosen[place].name, number: number, choices: choices))
            } catch {
              process = nil
              throw error
            }
          }
          state.withLock { state in
            state.done[place] = report
            while state.printed < chosen.count, let next = state.done[state.printed] {
              finished(next)
              state.printed += 1
            }
          }
        } catch {
          failure.withLock { $0 = error }
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    return state.withLock { $0.done.compactMap { $0 } }
  }

  /// Whether a worker that dies is noticed and named: part of the self-test.
  public func catchesCrash(worker: [String]) throws -> Bool {
    signal(SIGPIPE, SIG_IGN)
    do {
      _ = try Worker(worker).run(Request(operation: Self.crash, number: 0, choices: nil))
      return false
    } catch let crash as WorkerCrash {
      return crash.text.contains("signal \(SIGABRT)")
    }
  }
}
