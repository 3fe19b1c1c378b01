/// What `torchlayers parity` counted, made by `torchlayers parity --expectations`; see `Expectation`.
let expectationTable = """
  # operation format cases tensors numbers unbounded unsupported known worst
  """
