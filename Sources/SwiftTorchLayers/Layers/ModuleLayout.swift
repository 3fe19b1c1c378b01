import OrderedCollections
import Synchronization

/// Which stored properties of a type of modules hold modules or tensors, and where they lie in memory: found once for
/// each type. Values are read anew each time, so that an assigned module counts at once.
///
/// Sendable unchecked: nothing in it changes, and its closures capture types alone.
final class ModuleLayout: @unchecked Sendable {
  /// A property that holds modules, or may: one, an optional one, a list, a dictionary, or any value.
  struct Child {
    let key: String
    let offset: Int
    /// nil where the property's type is a module's.
    let read: ((UnsafeRawPointer) -> Any)?
  }
  struct Slot {
    let key: String
    let offset: Int
    let read: (UnsafeRawPointer) -> any StateSlot
  }

  let children: [Child]
  /// Properties whose type does not say whether modules are hidden in their values.
  private let doubtful: [Child]
  let slots: [Slot]
  /// Why modules of this type are of no use: a property whose modules would not be found.
  let problem: String?

  private static let known = Mutex<[ObjectIdentifier: ModuleLayout]>([:])

  static func of(_ type: Module.Type) -> ModuleLayout {
    if let found = known.withLock({ $0[ObjectIdentifier(type)] }) { return found }
    let layout = ModuleLayout(type)
    return known.withLock { known in
      let first = known[ObjectIdentifier(type)] ?? layout
      known[ObjectIdentifier(type)] = first
      return first
    }
  }

  private init(_ type: Module.Type) {
    var (children, doubtful): ([Child], [Child]) = ([], [])
    var slots: [Slot] = []
    var problem: String?
    var keys: [String: String] = [:]
    for field in fields(of: type) where field.isStrong {
      let content = Content(of: field.type)
      guard content != .nothing else { continue }
      let lazyMark = "$__lazy_storage_$_"
      if field.name.hasPrefix(lazyMark) {
        guard content != .doubtful, content != .open else { continue }
        problem =
          problem
          ?? "\(type).\(field.name.dropFirst(lazyMark.count)) is lazy, and so its modules are not found before they "
          + "are used: make it a let, or set it in init"
        continue
      }
      // A wrapped property's storage is its name with an underscore.
      let name = content == .state && field.name.hasPrefix("_") ? String(field.name.dropFirst()) : field.name
      let key = snakeCase(name)
      switch content {
      case .nothing: continue
      case .state:
        let wrapper = field.type as! any StateSlot.Type
        slots.append(Slot(key: key, offset: field.offset, read: wrapper.read))
      case .module: children.append(Child(key: key, offset: field.offset, read: nil))
      case .modules, .open, .doubtful:
        func reader<Value>(_: Value.Type) -> (UnsafeRawPointer) -> Any {
          { $0.assumingMemoryBound(to: Value.self).pointee }
        }
        let child = Child(key: key, offset: field.offset, read: _openExistential(field.type, do: reader))
        if content != .doubtful { children.append(child) }
        if content != .modules { doubtful.append(child) }
      case .hidden:
        problem = problem ?? Self.hidden("\(type).\(name)", in: field.type)
        continue
      }
      guard content != .doubtful, content != .open else { continue }
      if let other = keys.updateValue(name, forKey: key) {
        problem =
          problem ?? "\(type).\(other) and \(type).\(name) both have the key \(key): rename one of them"
      }
    }
    (self.children, self.doubtful, self.slots, self.problem) = (children, doubtful, slots, problem)
  }

  private static func hidden(_ property: String, in type: Any.Type) -> String {
    "the modules and parameters of \(property) are not found inside its type, \(type), and so would be neither trained nor "
      + "saved: give each a property of its own, or put the modules into a list or a dictionary"
  }

  /// What can only be said of values: a module in an enumeration, or in a struct that an `any P` holds.
  func problem(of module: Module) -> String? {
    for child in doubtful {
      var found: [(name: String, module: Module)] = []
      let value = child.value(in: module)
      appendModules(in: value, key: child.key, to: &found)
      if found.isEmpty, hidesModules(value) {
        return Self.hidden("\(type(of: module)).\(child.key)", in: type(of: value))
      }
    }
    return nil
  }
}

extension StateSlot {
  fileprivate static func read(_ place: UnsafeRawPointer) -> any StateSlot {
    place.assumingMemoryBound(to: Self.self).pointee
  }
}

extension ModuleLayout.Child {
  func value(in module: Module) -> Any {
    withExtendedLifetime(module) {
      read!(UnsafeRawPointer(Unmanaged.passUnretained(module).toOpaque()) + offset)
    }
  }

  func appendModules(of module: Module, to list: inout [(name: String, module: Module)]) {
    guard read == nil else {
      return SwiftTorchLayers.appendModules(in: value(in: module), key: key, to: &list)
    }
    withExtendedLifetime(module) {
      let place = UnsafeRawPointer(Unmanaged.passUnretained(module).toOpaque()) + offset
      list.append((key, place.assumingMemoryBound(to: Module.self).pointee))
    }
  }
}

extension ModuleLayout.Slot {
  func value(in module: Module) -> any StateSlot {
    withExtendedLifetime(module) {
      read(UnsafeRawPointer(Unmanaged.passUnretained(module).toOpaque()) + offset)
    }
  }
}

/// What a property of some type may have inside.
private enum Content {
  case nothing, module, state
  /// Modules that are found: an optional one, a list, a dictionary.
  case modules
  /// An `any P`, or a container of such: a module in it is found.
  case open
  /// Only the value says whether something is hidden in it.
  case doubtful
  /// Modules or state that are not found.
  case hidden

  /// - Parameter outer: the types that this one is in.
  init(of type: Any.Type, in outer: [Any.Type] = []) {
    guard !outer.contains(where: { $0 == type }) else {
      self = .nothing
      return
    }
    let outer = outer + [type]
    if type is Module.Type {
      self = .module
    } else if type is any StateSlot.Type {
      self = .state
    } else if let holder = type as? any ModuleHolder.Type {
      switch Content(of: holder.held, in: outer) {
      case .module, .modules: self = .modules
      case .state, .hidden: self = .hidden
      case let other: self = other
      }
    } else if let sequence = type as? any Sequence.Type {
      // Another container than those whose modules are found.
      let held = Content(of: element(sequence), in: outer)
      self = held == .nothing ? .nothing : held == .open || held == .doubtful ? .doubtful : .hidden
    } else {
      switch MetadataKind(of: type) {
      case .structure, .tuple:
        let parts = fields(of: type).map { Content(of: $0.type, in: outer) }
        let isDoubtful = parts.contains(.open) || parts.contains(.doubtful)
        let hides = parts.contains { $0 != .nothing && $0 != .open && $0 != .doubtful }
        self = hides ? .hidden : isDoubtful ? .doubtful : .nothing
      case .enumeration: self = .doubtful
      case .existential: self = .open
      case .other: self = .nothing
      }
    }
  }
}

private func element<Container: Sequence>(_: Container.Type) -> Any.Type { Container.Element.self }

/// A container whose modules are found, each with a key that the container gives.
private protocol ModuleHolder {
  /// The type of what it holds.
  static var held: Any.Type { get }
  func appendModules(key: String, to list: inout [(name: String, module: Module)])
}

private func appendModules(in value: Any, key: String, to list: inout [(name: String, module: Module)]) {
  if let module = value as? Module {
    list.append((key, module))
  } else if let holder = value as? any ModuleHolder {
    holder.appendModules(key: key, to: &list)
  }
}

/// Whether modules or state are somewhere in a value.
private func hidesModules(_ value: Any) -> Bool {
  if value is Module || value is any StateSlot { return true }
  let mirror = Mirror(reflecting: value)
  // Of a class one does not know to whom it belongs, and the elements of a collection are alike.
  guard let style = mirror.displayStyle, style != .class else { return false }
  let isCollection = style == .collection || style == .set || style == .dictionary
  return mirror.children.prefix(isCollection ? 1 : .max).contains { hidesModules($0.value) }
}

extension Optional: ModuleHolder {
  fileprivate static var held: Any.Type { Wrapped.self }
  fileprivate func appendModules(key: String, to list: inout [(name: String, module: Module)]) {
    if let self { SwiftTorchLayers.appendModules(in: self, key: key, to: &list) }
  }
}

extension Array: ModuleHolder {
  fileprivate static var held: Any.Type { Element.self }
  fileprivate func appendModules(key: String, to list: inout [(name: String, module: Module)]) {
    for (index, element) in enumerated() {
      SwiftTorchLayers.appendModules(in: element, key: "\(key).\(index)", to: &list)
    }
  }
}

// A dictionary has no order of its own: here that of its keys.
extension Dictionary: ModuleHolder {
  fileprivate static var held: Any.Type { Value.self }
  fileprivate func appendModules(key: String, to list: inout [(name: String, module: Module)]) {
    for (name, value) in map({ ("\($0.key)", $0.value) }).sorted(by: { $0.0 < $1.0 }) {
      SwiftTorchLayers.appendModules(in: value, key: "\(key).\(name)", to: &list)
    }
  }
}

extension OrderedDictionary: ModuleHolder {
  fileprivate static var held: Any.Type { Value.self }
  fileprivate func appendModules(key: String, to list: inout [(name: String, module: Module)]) {
    for (name, value) in self { SwiftTorchLayers.appendModules(in: value, key: "\(key).\(name)", to: &list) }
  }
}

extension KeyValuePairs: ModuleHolder {
  fileprivate static var held: Any.Type { Value.self }
  fileprivate func appendModules(key: String, to list: inout [(name: String, module: Module)]) {
    for (name, value) in self { SwiftTorchLayers.appendModules(in: value, key: "\(key).\(name)", to: &list) }
  }
}

// MARK: The runtime's description of types

private enum MetadataKind {
  case structure, tuple, enumeration, existential, other

  /// - Source: MetadataKind.def of Swift's ABI.
  init(of type: Any.Type) {
    switch unsafeBitCast(type, to: UnsafePointer<UInt>.self).pointee {
    case 0x200: self = .structure
    case 0x201: self = .enumeration
    case 0x301: self = .tuple
    case 0x303, 0x307: self = .existential
    default: self = .other
    }
  }
}

/// The stored properties of a class with those that it inherits, of a struct, or of a tuple.
private func fields(of type: Any.Type) -> [(name: String, type: Any.Type, offset: Int, isStrong: Bool)] {
  (0..<recursiveChildCount(type)).map { index in
    var description = FieldDescription(name: nil, free: nil, isStrong: false, isVar: false)
    let fieldType = recursiveChildType(type, index: index, description: &description)
    defer { description.free?(description.name) }
    return (
      description.name.map(String.init(cString:)) ?? "\(index)", fieldType,
      recursiveChildOffset(type, index: index),
      description.isStrong
    )
  }
}

// The functions behind Mirror, which also reads every value; these read the types alone.
private struct FieldDescription {
  let name: UnsafePointer<CChar>?
  let free: (@convention(c) (UnsafePointer<CChar>?) -> Void)?
  let isStrong: Bool
  let isVar: Bool
}

@_silgen_name("swift_reflectionMirror_recursiveCount")
private func recursiveChildCount(_: Any.Type) -> Int

@_silgen_name("swift_reflectionMirror_recursiveChildMetadata")
private func recursiveChildType(
  _: Any.Type, index: Int, description: UnsafeMutablePointer<FieldDescription>
) -> Any.Type

@_silgen_name("swift_reflectionMirror_recursiveChildOffset")
private func recursiveChildOffset(_: Any.Type, index: Int) -> Int
