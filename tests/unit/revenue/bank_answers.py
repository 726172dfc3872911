"""A bank's answers to a settlement file, as CSV and as pain.002, good ones to be bent by tests."""

PAIN_002 = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"


def answer_csv(rows: list[tuple[str, str, str, str]]) -> bytes:
    head = "end_to_end_id,status,amount_yuan,reason_code\n"
    return (head + "".join(",".join(row) + "\n" for row in rows)).encode()


def answer(message: str, lines: list[tuple[str, str]], group: str = "") -> bytes:
    statuses = "".join(
        f"<TxInfAndSts><OrgnlEndToEndId>{name}</OrgnlEndToEndId><TxSts>{code}</TxSts>"
        "<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts>"
        for name, code in lines
    )
    shown = f"<GrpSts>{group}</GrpSts>" if group else ""
    return (
        f'<Document xmlns="{PAIN_002}"><CstmrPmtStsRpt><OrgnlGrpInfAndSts>'
        f"<OrgnlMsgId>{message}</OrgnlMsgId>{shown}</OrgnlGrpInfAndSts>"
        f"<OrgnlPmtInfAndSts>{statuses}</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    ).encode()
