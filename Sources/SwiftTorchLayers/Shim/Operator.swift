import CTorchShim

/// A value that can be an argument of an operator.
public protocol OperatorArgument {
  func append(to arguments: inout OperatorArguments) throws
}

/// The arguments of one call, laid out for the shim. Up to 24 arguments and 32 list elements need no heap.
public struct OperatorArguments {
  var values = InlineArray<24, shim_value>(repeating: shim_value())
  var count = 0
  private var integers = InlineArray<32, Int64>(repeating: 0)
  private var integerCount = 0
  /// Memory of longer lists and of strings, freed after the call.
  private var owned: [UnsafeMutableRawPointer] = []

  init() {}

  mutating func append(_ value: shim_value) throws {
    guard count < 24 else { throw TorchError("an operator takes at most 24 arguments here") }
    values[count] = value
    count += 1
  }

  mutating func append(tag: Int, _ fill: (inout shim_value) -> Void = { _ in }) throws {
    var value = shim_value()
    value.tag = Int32(tag)
    fill(&value)
    try append(value)
  }

  mutating func append(integers list: [Int]) throws {
    if integerCount + list.count <= 32 {
      let start = integerCount
      for element in list {
        integers[integerCount] = Int64(element)
        integerCount += 1
      }
      // The address is filled in just before the call, when the storage no longer moves.
      try append(tag: Int(SHIM_INT_LIST)) {
        $0.reserved = Int32(start + 1)
        $0.count = Int64(list.count)
      }
    } else {
      try append(list: list.map(Int64.init), tag: Int(SHIM_INT_LIST))
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

  /// Calls `operation` and gives back what the arguments held.
  mutating func call(
    _ operation: OpaquePointer, _ results: UnsafeMutableBufferPointer<shim_value>
  ) throws -> (status: shim_status, count: Int) {
    var resultCount: Int64 = 0
    let argumentCount = count
    let call = try Shim.table.operator_call
    let status = withUnsafePointer(to: &integers) { integers in
      let base = UnsafeRawPointer(integers).assumingMemoryBound(to: Int64.self)
      return withUnsafeMutablePointer(to: &values) { values in
        let first = UnsafeMutableRawPointer(values).assumingMemoryBound(to: shim_value.self)
        for index in 0..<argumentCount where first[index].reserved > 0 {
          first[index].as.p = UnsafeRawPointer(base + Int(first[index].reserved - 1))
        }
        return call(
          operation, first, Int64(argumentCount), results.baseAddress, Int64(results.count), &resultCount)
      }
    }
    release()
    return (status, Int(resultCount))
  }

  mutating func release() {
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
  private let found: Result<OpaquePointer, TorchError>

  /// - Parameter name: `aten::conv2d`, or with an overload after a dot, `aten::conv2d.padding`.
  init(_ name: String) {
    self.name = name
    found = Result { try Operator.find(name) }.mapError { $0 as? TorchError ?? TorchError("\($0)") }
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

  /// Calls with arguments that `build` appends; `take` reads the results.
  @inline(__always)
  private func perform<Result>(
    _ build: (inout OperatorArguments) throws -> Void, shapes: () -> [String],
    _ take: (UnsafeMutableBufferPointer<shim_value>, Int) throws -> Result
  ) throws -> Result {
    let pointer = try found.get()
    var arguments = OperatorArguments()
    do {
      try build(&arguments)
    } catch {
      arguments.release()
      throw error
    }
    return try withUnsafeTemporaryAllocation(of: shim_value.self, capacity: 16) { results in
      let (status, count) = try arguments.call(pointer, results)
      if status != SHIM_OK {
        var error = Shim.error(status)
        error.operatorName = name
        error.shapes = shapes()
        throw error
      }
      return try take(results, count)
    }
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
    } _: { results, count in
      guard count == 1, Int(results[0].tag) == Int(SHIM_TENSOR) else {
        for index in 0..<count { _ = OperatorResult(results[index]) }
        throw TorchError("\(name) does not return one tensor; use Tensor.call")
      }
      return Tensor(owning: OpaquePointer(results[0].as.p!))
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
