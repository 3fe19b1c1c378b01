/// The operators that Swift names call, each looked up at its first use.
enum Aten {
  static let detach = Operator("aten::detach")
  static let to = Operator("aten::to.dtype_layout")
  static let contiguous = Operator("aten::contiguous")
  static let clone = Operator("aten::clone")
  static let copyInPlace = Operator("aten::copy_")
}
