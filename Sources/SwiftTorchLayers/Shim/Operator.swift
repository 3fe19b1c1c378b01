import CTorchShim

/// A value that can be an argument of an operator.
public protocol OperatorArgument {
  func append(to arguments: inout OperatorArguments) throws
}

/// The arguments of one call, laid out for the shim. Up to 24 arguments and 32 list elements need no heap.
public struct OperatorArguments {
  static let capacity = 24
  static let integerCapacity = 32
  /// Room for `capacity` values and `integerCapacity` integers that outlives the call; see `Operator.perform`.
  let values: UnsafeMutablePointer<shim_value>
  private let integers: UnsafeMutablePointer<Int64>
  private(set) var count = 0
  private var integerCount = 0
  /// Memory of longer lists and of strings, freed after the call.
  private var owned: [UnsafeMutableRawPointer] = []

  init(values: UnsafeMutablePointer<shim_value>, integers: UnsafeMutablePointer<Int64>) {
    self.values = values
    self.integers = integers
  }

  @inline(__always)
  mutating func append(_ value: shim_value) throws {
    guard count < Self.capacity else { throw TorchError("an operator takes at most 24 arguments here") }
    (values + count).initialize(to: value)
    count += 1
  }

  @inline(__always)
  mutating func append(tag: Int, _ fill: (inout shim_value) -> Void = { _ in }) throws {
    var value = shim_value()
    value.tag = Int32(tag)
    fill(&value)
    try append(value)
  }

  mutating func append(integers list: [Int]) throws {
    guard integerCount + list.count <= Self.integerCapacity else {
      return try append(list: list.map(Int64.init), tag: Int(SHIM_INT_LIST))
    }
    let start = integers + integerCount
    for index in list.indices { (start + index).initialize(to: Int64(list[index])) }
    integerCount += list.count
    try append(tag: Int(SHIM_INT_LIST)) {
      $0.count = Int64(list.count)
      $0.as.p = UnsafeRawPointer(start)
    }
  }

  mutating func append<Element>(list: [Element], tag: Int) throws {
    let copy = UnsafeMutablePointer<Element>.allocate(capacity: max(list.count, 1))
    copy.initialize(from: list, count: list.count)
    owned.append(UnsafeMutableRawPointer(copy))
    try append(tag: tag) {
      $0.count = Int64(list.count)
      $0.as.p = UnsafeRawPointer(copy)
    }
  }

  /// Frees what the arguments held.
  @inline(__always)
  mutating func release() {
    guard !owned.isEmpty else { return }
    for memory in owned { memory.deallocate() }
    owned.removeAll()
  }
}

extension Tensor: OperatorArgument {
  public func append(to arguments: inout OperatorArguments) throws {
    let pointer = try self.pointer
    try arguments.append(tag: Int(SHIM_TENSOR)) { $0.as.p = UnsafeRawPointer(pointer) }
  }
}
extension Int: OperatorArgument {
  public func append(to arguments: inout OperatorArguments) throws {
    try arguments.append(tag: Int(SHIM_INT)) { $0.as.i = Int64(self) }
  }
}
extension Double: OperatorArgument {
  public func append(to arguments: inout OperatorArguments) throws {
    try arguments.append(tag: Int(SHIM_DOUBLE)) { $0.as.d = self }
  }
}
extension Bool: OperatorArgument {
  public func append(to arguments: inout OperatorArguments) throws {
    try arguments.append(tag: Int(SHIM_BOOL_VALUE)) { $0.as.i = self ? 1 : 0 }
  }
}
extension String: OperatorArgument {
  public func append(to arguments: inout OperatorArguments) throws {
    try arguments.append(list: Array(utf8), tag: Int(SHIM_STRING))
  }
}
extension DType: OperatorArgument {
  public func append(to arguments: inout OperatorArguments) throws {
    try Int(rawValue).append(to: &arguments)
  }
}
extension Device: OperatorArgument {
  public func append(to arguments: inout OperatorArguments) throws {
    try arguments.append(tag: Int(SHIM_DEVICE)) { $0.as.device = raw }
  }
}
extension Array: OperatorArgument where Element: OperatorListElement {
  public func append(to arguments: inout OperatorArguments) throws {
    try Element.append(self, to: &arguments)
  }
}
extension Optional: OperatorArgument where Wrapped: OperatorArgument {
  public func append(to arguments: inout OperatorArguments) throws {
    if let self { try self.append(to: &arguments) } else { try arguments.append(tag: Int(SHIM_NONE)) }
  }
}

/// A value that can be an element of a list argument.
public protocol OperatorListElement {
  static func append(_ list: [Self], to arguments: inout OperatorArguments) throws
}
extension Int: OperatorListElement {
  public static func append(_ list: [Int], to arguments: inout OperatorArguments) throws {
    try arguments.append(integers: list)
  }
}
extension Double: OperatorListElement {
  public static func append(_ list: [Double], to arguments: inout OperatorArguments) throws {
    try arguments.append(list: list, tag: Int(SHIM_DOUBLE_LIST))
  }
}
extension Bool: OperatorListElement {
  public static func append(_ list: [Bool], to arguments: inout OperatorArguments) throws {
    try arguments.append(list: list, tag: Int(SHIM_BOOL_LIST))
  }
}
extension Tensor: OperatorListElement {
  public static func append(_ list: [Tensor], to arguments: inout OperatorArguments) throws {
    try arguments.append(list: list.map { try $0.pointer }, tag: Int(SHIM_TENSOR_LIST))
  }
}
extension Optional: OperatorListElement where Wrapped == Tensor {
  public static func append(_ list: [Tensor?], to arguments: inout OperatorArguments) throws {
    try arguments.append(list: list.map { try $0?.pointer }, tag: Int(SHIM_OPTIONAL_TENSOR_LIST))
  }
}

/// Stands for the default value in the operator's schema.
public struct DefaultArgument: OperatorArgument, Sendable {
  public init() {}
  public func append(to arguments: inout OperatorArguments) throws {
    try arguments.append(tag: Int(SHIM_DEFAULT))
  }
}

/// A result of an operator that is no tensor, or several of them.
public enum OperatorResult: Sendable {
  case none
  case tensor(Tensor)
  case int(Int)
  case double(Double)
  case bool(Bool)
  case string(String)
  case ints([Int])
  case doubles([Double])
  case tensors([Tensor])
  case device(Device)

  init(_ value: shim_value) {
    let count = Int(value.count)
    switch Int(value.tag) {
    case Int(SHIM_TENSOR): self = .tensor(Tensor(owning: OpaquePointer(value.as.p!)))
    case Int(SHIM_INT): self = .int(Int(value.as.i))
    case Int(SHIM_DOUBLE): self = .double(value.as.d)
    case Int(SHIM_BOOL_VALUE): self = .bool(value.as.i != 0)
    case Int(SHIM_STRING):
      self = .string(String(decoding: UnsafeRawBufferPointer(start: value.as.p, count: count), as: UTF8.self))
    case Int(SHIM_DEVICE): self = .device(Device(value.as.device))
    case Int(SHIM_INT_LIST):
      let list = value.as.p?.assumingMemoryBound(to: Int64.self)
      self = .ints((0..<count).map { Int(list![$0]) })
    case Int(SHIM_DOUBLE_LIST):
      let list = value.as.p?.assumingMemoryBound(to: Double.self)
      self = .doubles((0..<count).map { list![$0] })
    case Int(SHIM_TENSOR_LIST):
      let list = value.as.p?.assumingMemoryBound(to: OpaquePointer.self)
      self = .tensors((0..<count).map { Tensor(owning: list![$0]) })
    default: self = .none
    }
  }
}

/// An operator of libtorch's dispatcher, looked up once by name and overload.
struct Operator: @unchecked Sendable {  // the pointer never changes and lives as long as the program
  let name: String
  /// Null when there is no such operator, or no libtorch; `failure` then says why.
  private let pointer: OpaquePointer?
  private let failure: (any Error)?

  /// - Parameter name: `aten::conv2d`, or with an overload after a dot, `aten::conv2d.padding`.
  init(_ name: String) {
    self.name = name
    do {
      pointer = try Operator.find(name)
      failure = nil
    } catch {
      pointer = nil
      failure = error
    }
  }

  private static func find(_ name: String) throws -> OpaquePointer {
    let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
    let base = parts.first ?? ""
    var pointer: OpaquePointer?
    let table = try Shim.table
    let status = table.operator_find(base, parts.count > 1 ? parts[1] : "", &pointer)
    guard status != SHIM_OK else { return pointer! }
    var error = Shim.error(status)
    let overloads = String(cString: table.operator_overloads(base))
    if !overloads.isEmpty { error.message += "; it has the overloads \(overloads)" }
    throw error
  }

  /// Calls with arguments that `build` appends; `take` reads the results. All memory of an ordinary call is on
  /// the stack.
  @inline(__always)
  private func perform<Result>(
    _ build: (inout OperatorArguments) throws -> Void, shapes: () -> [String],
    _ take: (UnsafeMutablePointer<shim_value>, Int) throws -> Result
  ) throws -> Result {
    guard let pointer, let table = torch_shim_current() else { throw failure! }
    let resultCapacity = 16
    return try withUnsafeTemporaryAllocation(
      of: shim_value.self, capacity: OperatorArguments.capacity + resultCapacity
    ) { values in
      try withUnsafeTemporaryAllocation(of: Int64.self, capacity: OperatorArguments.integerCapacity) {
        integers in
        var arguments = OperatorArguments(values: values.baseAddress!, integers: integers.baseAddress!)
        defer { arguments.release() }
        try build(&arguments)
        let results = arguments.values + OperatorArguments.capacity
        var count: Int64 = 0
        let status = table.pointee.operator_call(
          pointer, arguments.values, Int64(arguments.count), results, Int64(resultCapacity), &count)
        guard status == SHIM_OK else { throw refusal(status, shapes()) }
        return try take(results, Int(count))
      }
    }
  }

  @inline(never)
  private func refusal(_ status: shim_status, _ shapes: [String]) -> TorchError {
    var error = Shim.error(status)
    error.operatorName = name
    error.shapes = shapes
    return error
  }

  /// The one tensor among the results.
  @inline(__always)
  private func single(_ results: UnsafeMutablePointer<shim_value>, _ count: Int) throws -> Tensor {
    guard count == 1, results[0].tag == SHIM_TENSOR else {
      for index in 0..<count { _ = OperatorResult(results[index]) }
      throw TorchError("\(name) does not return one tensor; use Tensor.call")
    }
    return Tensor(owning: OpaquePointer(results[0].as.p!))
  }

  /// Calls an operator that returns one tensor.
  @inline(__always)
  @discardableResult
  func callAsFunction<each Argument: OperatorArgument>(_ argument: repeat each Argument) throws -> Tensor {
    defer { repeat withExtendedLifetime(each argument) {} }
    return try perform {
      repeat try (each argument).append(to: &$0)
    } shapes: {
      var shapes: [String] = []
      repeat describe(each argument, &shapes)
      return shapes
    } _: {
      try single($0, $1)
    }
  }

  // The same with one, two, three and seven arguments (a convolution), which the compiler specialises: a
  // pack's are called through witnesses, which shows in the time of a small operator.
  @inline(__always)
  @discardableResult
  func callAsFunction<A: OperatorArgument>(_ a: A) throws -> Tensor {
    defer { withExtendedLifetime(a) {} }
    return try perform {
      try a.append(to: &$0)
    } shapes: {
      described(a)
    } _: {
      try single($0, $1)
    }
  }

  @inline(__always)
  @discardableResult
  func callAsFunction<A: OperatorArgument, B: OperatorArgument>(_ a: A, _ b: B) throws -> Tensor {
    defer { withExtendedLifetime((a, b)) {} }
    return try perform {
      try a.append(to: &$0)
      try b.append(to: &$0)
    } shapes: {
      described(a, b)
    } _: {
      try single($0, $1)
    }
  }

  @inline(__always)
  @discardableResult
  func callAsFunction<A: OperatorArgument, B: OperatorArgument, C: OperatorArgument>(
    _ a: A, _ b: B, _ c: C
  ) throws -> Tensor {
    defer { withExtendedLifetime((a, b, c)) {} }
    return try perform {
      try a.append(to: &$0)
      try b.append(to: &$0)
      try c.append(to: &$0)
    } shapes: {
      described(a, b, c)
    } _: {
      try single($0, $1)
    }
  }

  @inline(__always)
  @discardableResult
  func callAsFunction<
    A: OperatorArgument, B: OperatorArgument, C: OperatorArgument, D: OperatorArgument, E: OperatorArgument,
    F: OperatorArgument, G: OperatorArgument
  >(_ a: A, _ b: B, _ c: C, _ d: D, _ e: E, _ f: F, _ g: G) throws -> Tensor {
    defer { withExtendedLifetime((a, b, c, d, e, f, g)) {} }
    return try perform {
      try a.append(to: &$0)
      try b.append(to: &$0)
      try c.append(to: &$0)
      try d.append(to: &$0)
      try e.append(to: &$0)
      try f.append(to: &$0)
      try g.append(to: &$0)
    } shapes: {
      described(a, b, c, d, e, f, g)
    } _: {
      try single($0, $1)
    }
  }

  /// Calls any operator and returns everything it returns.
  func results(_ list: [any OperatorArgument]) throws -> [OperatorResult] {
    defer { withExtendedLifetime(list) {} }
    return try perform {
      for argument in list { try argument.append(to: &$0) }
    } shapes: {
      var shapes: [String] = []
      for argument in list { describe(argument, &shapes) }
      return shapes
    } _: { results, count in
      (0..<count).map { OperatorResult(results[$0]) }
    }
  }

  /// Calls an operator that returns only tensors, or one list of them.
  func tensors(_ list: any OperatorArgument...) throws -> [Tensor] {
    try results(list).flatMap { result -> [Tensor] in
      switch result {
      case .tensor(let tensor): [tensor]
      case .tensors(let tensors): tensors
      default: []
      }
    }
  }
}

@inline(never)
private func described(_ arguments: any OperatorArgument...) -> [String] {
  var shapes: [String] = []
  for argument in arguments { describe(argument, &shapes) }
  return shapes
}

private func describe(_ argument: some OperatorArgument, _ shapes: inout [String]) {
  switch argument {
  case let tensor as Tensor: shapes.append(tensor.summary)
  case let tensors as [Tensor]: shapes += tensors.map(\.summary)
  case let tensor as Tensor?: if let tensor { shapes.append(tensor.summary) }
  default: break
  }
}

extension Tensor {
  /// Calls any operator of libtorch by its name, for what has no Swift name yet.
  ///
  ///     let y = try Tensor.call("aten::logcumsumexp", x, 0)
  ///
  /// Arguments follow the schema's order; those left out at the end take their defaults, and
  /// `DefaultArgument()` stands for one in between. An overload is named after a dot: `"aten::add.Scalar"`.
  /// - Throws: `TorchError`; when the name is unknown, with the overloads that exist.
  @discardableResult
  public static func call(_ name: String, _ arguments: any OperatorArgument...) throws -> [OperatorResult] {
    try Operator(name).results(arguments)
  }
}
