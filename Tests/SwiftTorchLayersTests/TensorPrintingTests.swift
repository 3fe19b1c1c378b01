import SwiftTorchLayers
import Testing

// Each text is what PyTorch 2.13.0 printed for the Python expression beside it: `print(expression)`, with
// `inf` and `nan` imported from `math`.
@Suite("Printing")
struct TensorPrintingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let python: String
    let tensor: @Sendable () throws -> Tensor
    let text: String
    var testDescription: String { python }
  }

  @Test("a tensor prints as in Python", arguments: cases)
  func printsAsInPython(_ example: Case) throws {
    #expect(try example.tensor().description == example.text)
  }

  @Test("the result of a recorded operator shows requires_grad")
  func recorded() throws {
    let x = try Tensor.ones([1], requiresGrad: true)
    #expect(try (x + 1).description == "tensor([2.], requires_grad=True)")
  }

  @Test("printing leaves no trace in autograd and takes strided views")
  func views() throws {
    let x = try Tensor.arange(6.0).reshape([2, 3])
    #expect(try x.t().description == "tensor([[0., 3.],\n        [1., 4.],\n        [2., 5.]])")
  }

  static let cases: [Case] = [
    Case(
      python: "torch.tensor([1, 2.5, -3])",
      tensor: { try Tensor([1, 2.5, -3] as [Float]) },
      text: """
        tensor([ 1.0000,  2.5000, -3.0000])
        """),
    Case(
      python: "torch.tensor([1., 2, 3])",
      tensor: { try Tensor([1, 2, 3] as [Float]) },
      text: """
        tensor([1., 2., 3.])
        """),
    Case(
      python: "torch.tensor([0., -0.])",
      tensor: { try Tensor([0, -0.0] as [Float]) },
      text: """
        tensor([0., -0.])
        """),
    Case(
      python: "torch.arange(12).reshape(3, 4)",
      tensor: { try Tensor.arange(12).reshape([3, 4]) },
      text: """
        tensor([[ 0,  1,  2,  3],
                [ 4,  5,  6,  7],
                [ 8,  9, 10, 11]])
        """),
    Case(
      python: "torch.arange(24).reshape(2, 3, 4) - 10",
      tensor: { try Tensor.arange(24).reshape([2, 3, 4]) - 10 },
      text: """
        tensor([[[-10,  -9,  -8,  -7],
                 [ -6,  -5,  -4,  -3],
                 [ -2,  -1,   0,   1]],

                [[  2,   3,   4,   5],
                 [  6,   7,   8,   9],
                 [ 10,  11,  12,  13]]])
        """),
    Case(
      python: "torch.arange(16).reshape(2, 2, 2, 2) / 8",
      tensor: { try Tensor.arange(16).reshape([2, 2, 2, 2]).to(.float32) / 8 },
      text: """
        tensor([[[[0.0000, 0.1250],
                  [0.2500, 0.3750]],

                 [[0.5000, 0.6250],
                  [0.7500, 0.8750]]],


                [[[1.0000, 1.1250],
                  [1.2500, 1.3750]],

                 [[1.5000, 1.6250],
                  [1.7500, 1.8750]]]])
        """),
    Case(
      python: "torch.tensor(3.25)",
      tensor: { try Tensor(3.25 as Float) },
      text: """
        tensor(3.2500)
        """),
    Case(
      python: "torch.tensor(7)",
      tensor: { try Tensor(7) },
      text: """
        tensor(7)
        """),
    Case(
      python: "torch.tensor(True)",
      tensor: { try Tensor(true) },
      text: """
        tensor(True)
        """),
    Case(
      python: "torch.tensor([True, False])",
      tensor: { try Tensor([true, false]) },
      text: """
        tensor([ True, False])
        """),
    Case(
      python: "torch.tensor([1, 200], dtype=torch.uint8)",
      tensor: { try Tensor([1, 200] as [UInt8]) },
      text: """
        tensor([  1, 200], dtype=torch.uint8)
        """),
    Case(
      python: "torch.tensor([-1, 2], dtype=torch.int32)",
      tensor: { try Tensor([-1, 2] as [Int32]) },
      text: """
        tensor([-1,  2], dtype=torch.int32)
        """),
    Case(
      python: "torch.tensor([0.1, 1e-5], dtype=torch.float64)",
      tensor: { try Tensor([0.1, 1e-5]) },
      text: """
        tensor([1.0000e-01, 1.0000e-05], dtype=torch.float64)
        """),
    Case(
      python: "torch.tensor([1e-5])",
      tensor: { try Tensor([1e-5] as [Float]) },
      text: """
        tensor([1.0000e-05])
        """),
    Case(
      python: "torch.ones(13, dtype=torch.float64)",
      tensor: { try Tensor.ones([13], dtype: .float64) },
      text: """
        tensor([1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.],
               dtype=torch.float64)
        """),
    Case(
      python: "torch.tensor([1, 1e5, 0.5])",
      tensor: { try Tensor([1, 1e5, 0.5] as [Float]) },
      text: """
        tensor([1.0000e+00, 1.0000e+05, 5.0000e-01])
        """),
    Case(
      python: "torch.tensor([1e9, 2e9])",
      tensor: { try Tensor([1e9, 2e9] as [Float]) },
      text: """
        tensor([1.0000e+09, 2.0000e+09])
        """),
    Case(
      python: "torch.tensor([1., 1001, 0])",
      tensor: { try Tensor([1, 1001, 0] as [Float]) },
      text: """
        tensor([1.0000e+00, 1.0010e+03, 0.0000e+00])
        """),
    Case(
      python: "torch.tensor([nan, inf, -inf, 1])",
      tensor: { try Tensor([.nan, .infinity, -.infinity, 1] as [Float]) },
      text: """
        tensor([nan, inf, -inf, 1.])
        """),
    Case(
      python: "torch.tensor([nan, -inf, 1.5])",
      tensor: { try Tensor([.nan, -.infinity, 1.5] as [Float]) },
      text: """
        tensor([   nan,   -inf, 1.5000])
        """),
    Case(
      python: "torch.tensor([nan, inf])",
      tensor: { try Tensor([.nan, .infinity] as [Float]) },
      text: """
        tensor([nan, inf])
        """),
    Case(
      python: "torch.tensor([1.5, 2.25], dtype=torch.bfloat16)",
      tensor: { try Tensor([1.5, 2.25] as [Float]).to(.bfloat16) },
      text: """
        tensor([1.5000, 2.2500], dtype=torch.bfloat16)
        """),
    Case(
      python: "torch.tensor([60000, 0.001], dtype=torch.float16)",
      tensor: { try Tensor([60000, 0.001] as [Float]).to(.float16) },
      text: """
        tensor([6.0000e+04, 1.0004e-03], dtype=torch.float16)
        """),
    Case(
      python: "torch.zeros(0)",
      tensor: { try Tensor.zeros([0]) },
      text: """
        tensor([])
        """),
    Case(
      python: "torch.zeros(2, 0, 3)",
      tensor: { try Tensor.zeros([2, 0, 3]) },
      text: """
        tensor([], size=(2, 0, 3))
        """),
    Case(
      python: "torch.zeros(0, dtype=torch.int64)",
      tensor: { try Tensor.zeros([0], dtype: .int64) },
      text: """
        tensor([], dtype=torch.int64)
        """),
    Case(
      python: "torch.zeros(0, 4, dtype=torch.bool)",
      tensor: { try Tensor.zeros([0, 4], dtype: .bool) },
      text: """
        tensor([], size=(0, 4), dtype=torch.bool)
        """),
    Case(
      python: "torch.ones(2, 2, requires_grad=True)",
      tensor: { try Tensor.ones([2, 2], requiresGrad: true) },
      text: """
        tensor([[1., 1.],
                [1., 1.]], requires_grad=True)
        """),
    Case(
      python: "torch.ones(2, dtype=torch.float64, requires_grad=True)",
      tensor: { try Tensor.ones([2], dtype: .float64, requiresGrad: true) },
      text: """
        tensor([1., 1.], dtype=torch.float64, requires_grad=True)
        """),
    Case(
      python: "torch.arange(1000)[:30]",
      tensor: { try Tensor.arange(1000)[..<30] },
      text: """
        tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,
                18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])
        """),
    Case(
      python: "torch.arange(1001)",
      tensor: { try Tensor.arange(1001) },
      text: """
        tensor([   0,    1,    2,  ...,  998,  999, 1000])
        """),
    Case(
      python: "torch.arange(2000).reshape(40, 50) / 100",
      tensor: { try Tensor.arange(2000).reshape([40, 50]).to(.float32) / 100 },
      text: """
        tensor([[0.0000e+00, 1.0000e-02, 2.0000e-02,  ..., 4.7000e-01, 4.8000e-01,
                 4.9000e-01],
                [5.0000e-01, 5.1000e-01, 5.2000e-01,  ..., 9.7000e-01, 9.8000e-01,
                 9.9000e-01],
                [1.0000e+00, 1.0100e+00, 1.0200e+00,  ..., 1.4700e+00, 1.4800e+00,
                 1.4900e+00],
                ...,
                [1.8500e+01, 1.8510e+01, 1.8520e+01,  ..., 1.8970e+01, 1.8980e+01,
                 1.8990e+01],
                [1.9000e+01, 1.9010e+01, 1.9020e+01,  ..., 1.9470e+01, 1.9480e+01,
                 1.9490e+01],
                [1.9500e+01, 1.9510e+01, 1.9520e+01,  ..., 1.9970e+01, 1.9980e+01,
                 1.9990e+01]])
        """),
    Case(
      python: "torch.arange(1200).reshape(10, 4, 30)",
      tensor: { try Tensor.arange(1200).reshape([10, 4, 30]) },
      text: """
        tensor([[[   0,    1,    2,  ...,   27,   28,   29],
                 [  30,   31,   32,  ...,   57,   58,   59],
                 [  60,   61,   62,  ...,   87,   88,   89],
                 [  90,   91,   92,  ...,  117,  118,  119]],

                [[ 120,  121,  122,  ...,  147,  148,  149],
                 [ 150,  151,  152,  ...,  177,  178,  179],
                 [ 180,  181,  182,  ...,  207,  208,  209],
                 [ 210,  211,  212,  ...,  237,  238,  239]],

                [[ 240,  241,  242,  ...,  267,  268,  269],
                 [ 270,  271,  272,  ...,  297,  298,  299],
                 [ 300,  301,  302,  ...,  327,  328,  329],
                 [ 330,  331,  332,  ...,  357,  358,  359]],

                ...,

                [[ 840,  841,  842,  ...,  867,  868,  869],
                 [ 870,  871,  872,  ...,  897,  898,  899],
                 [ 900,  901,  902,  ...,  927,  928,  929],
                 [ 930,  931,  932,  ...,  957,  958,  959]],

                [[ 960,  961,  962,  ...,  987,  988,  989],
                 [ 990,  991,  992,  ..., 1017, 1018, 1019],
                 [1020, 1021, 1022,  ..., 1047, 1048, 1049],
                 [1050, 1051, 1052,  ..., 1077, 1078, 1079]],

                [[1080, 1081, 1082,  ..., 1107, 1108, 1109],
                 [1110, 1111, 1112,  ..., 1137, 1138, 1139],
                 [1140, 1141, 1142,  ..., 1167, 1168, 1169],
                 [1170, 1171, 1172,  ..., 1197, 1198, 1199]]])
        """),
    Case(
      python: "torch.arange(1200, dtype=torch.float64).reshape(2, 600)",
      tensor: { try Tensor.arange(1200).reshape([2, 600]).to(.float64) },
      text: """
        tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 5.9700e+02, 5.9800e+02,
                 5.9900e+02],
                [6.0000e+02, 6.0100e+02, 6.0200e+02,  ..., 1.1970e+03, 1.1980e+03,
                 1.1990e+03]], dtype=torch.float64)
        """),
    Case(
      python: "torch.linspace(0, 1, 25)",
      tensor: { try Tensor.linspace(0, 1, 25) },
      text: """
        tensor([0.0000, 0.0417, 0.0833, 0.1250, 0.1667, 0.2083, 0.2500, 0.2917, 0.3333,
                0.3750, 0.4167, 0.4583, 0.5000, 0.5417, 0.5833, 0.6250, 0.6667, 0.7083,
                0.7500, 0.7917, 0.8333, 0.8750, 0.9167, 0.9583, 1.0000])
        """),
    Case(
      python: "torch.arange(18, dtype=torch.int32)",
      tensor: { try Tensor.arange(18).to(.int32) },
      text: """
        tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17],
               dtype=torch.int32)
        """),
    Case(
      python: "torch.arange(30, dtype=torch.int16)",
      tensor: { try Tensor.arange(30, dtype: .int16) },
      text: """
        tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,
                18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29], dtype=torch.int16)
        """),
    Case(
      python: "torch.arange(16.0, dtype=torch.float64)",
      tensor: { try Tensor.arange(16.0, dtype: .float64) },
      text: """
        tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,
                14., 15.], dtype=torch.float64)
        """),
    Case(
      python: "torch.arange(12.0, dtype=torch.float64, requires_grad=True)",
      tensor: { try Tensor.arange(12.0, dtype: .float64, requiresGrad: true) },
      text: """
        tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11.],
               dtype=torch.float64, requires_grad=True)
        """),
  ]
}
