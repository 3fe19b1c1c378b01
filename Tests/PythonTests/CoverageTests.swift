import TestSupport
import Testing

@Suite("what is compared with Python")
struct CoverageTests {
  @Test("every public layer, loss, optimizer and schedule is in the tables of cases")
  func complete() throws {
    let compared: [PublicType.Kind: Set<String>] = [
      .layer: Set(ModuleCase.all.map(\.type)), .loss: Set(try LossCase.all.map { try $0.type }),
      .optimizer: Set(try OptimizerCase.all.map { try $0.type }),
      .schedule: Set(try ScheduleCase.all.map { try $0.type }),
    ]
    let types = try PublicType.all()
    for type in types where compared[type.kind]?.contains(type.name) != true {
      Issue.record(
        "the \(type.kind.rawValue) \(type.name) is not compared with Python: Tests/PythonTests has no case")
    }
    for kind in PublicType.Kind.allCases {
      let known = types.filter { $0.kind == kind }.map(\.name)
      #expect(compared[kind]?.subtracting(known).isEmpty == true, "types that were not found in the sources")
    }
  }
}
