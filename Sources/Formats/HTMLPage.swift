/// A page of one file that opens from disk, without a network, on a phone and in the dark.
public struct HTMLPage: Sendable {
  private let title: String
  private let body: String

  /// - Parameters:
  ///   - title: plain text.
  ///   - body: HTML, in which all text has gone through `escaped(_:)`.
  public init(title: String, body: String) {
    self.title = title
    self.body = body
  }

  /// Text as it may stand between tags and in a quoted attribute.
  public static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }

  /// The whole file.
  public var html: String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(Self.escaped(title))</title><style>
    :root { color-scheme: light dark; --ink: #1c1e21; --paper: #fff; --faint: #c9ced6; --first: #1769d2; --second: #d9480f;
      --good: #1a7f37; --bad: #c92a2a }
    @media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --paper: #16181c; --faint: #444b55; --first: #6ea8ff;
      --second: #ff922b; --good: #51cf66; --bad: #ff8787 } }
    body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2em auto;
      max-width: 68em; padding: 0 1em }
    .wide { overflow-x: auto } table { border-collapse: collapse; font-size: 14px }
    th, td { text-align: left; padding: .25em .75em; border-bottom: 1px solid var(--faint); vertical-align: top }
    td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
    .bar { display: inline-block; height: .6em; background: var(--first); border-radius: 2px }
    .good { color: var(--good) } .bad { color: var(--bad); font-weight: 600 }
    details { max-width: 34em } details p { margin: .3em 0 } summary { cursor: pointer }
    code { font-size: 12px; overflow-wrap: anywhere } svg { width: 100%; height: auto; max-width: 46em }
    h4 { margin: 1em 0 0 } h4 + p { margin: 0 0 .5em } section { overflow-wrap: anywhere }
    img { max-width: 100%; height: auto; image-rendering: pixelated } figure { margin: 0 }
    figcaption { font-size: 13px } .tiles { display: flex; flex-wrap: wrap; gap: 1em; align-items: flex-start }
    .counts td.number, .counts th { padding: .25em .4em } .turned { vertical-align: bottom }
    .turned span { writing-mode: vertical-rl; transform: rotate(180deg) }
    svg polyline { fill: none; stroke-width: 2 } svg .key { stroke-width: 3 } svg .grid { stroke: var(--faint) }
    svg text { fill: var(--ink); font: 12px system-ui, sans-serif } svg .title { font-size: 14px; font-weight: 600 }
    @media (max-width: 40em) { svg text, svg .title { font-size: 20px } }
    </style></head><body>
    <h1>\(Self.escaped(title))</h1>
    \(body)
    </body></html>

    """
  }
}
