"""Zones (公共数据区, 地区专区, 企业专区): isolation domains for policy, storage and keys."""
