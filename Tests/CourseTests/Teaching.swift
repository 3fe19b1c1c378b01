import Course
import Foundation

/// A row's lesson after it was taught quickly, in a folder that is removed again.
func taught(_ name: String, says: @escaping (String) -> Void = { _ in }) throws -> Lesson {
  let row = CourseRow.all.first { $0.name == name }!
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  defer { try? FileManager.default.removeItem(at: folder) }
  var settings = Lesson.Settings()
  settings.quick = true
  settings.folder = folder.path
  let lesson = Lesson(row, settings, Lesson.Listener(say: says))
  try row.teach(lesson)
  return lesson
}

/// Whether numbers are those of the course, which has them rounded.
func close(_ values: [Double]?, _ expected: [Double], within tolerance: Double = 1e-6) -> Bool {
  guard let values, values.count == expected.count else { return false }
  return zip(values, expected).allSatisfy { abs($0 - $1) <= tolerance }
}
